#!/bin/sh
# Writes what the web servers themselves answer, in the design of our pages:
#	make.sh STYLE.CSS FOLDER
# One file a status, complete in itself, in both languages: nobody is there to
# ask which one the buyer reads.
set -eu
style=$1 folder=$2
mkdir -p "$folder"

page() { # STATUS TONE TITLE TEXT ENGLISH-TITLE ENGLISH-TEXT
	{
		cat <<EOF
<!doctype html>
<html lang="zh-CN">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1, viewport-fit=cover">
<meta name="robots" content="noindex">
<meta name="color-scheme" content="light dark">
<title>$3 - $5</title>
<style>
EOF
		cat "$style"
		cat <<EOF
</style>
</head>
<body>
<main class="$2" data-page="server-$1">
<div class="slip">
<div class="top">
<span class="emblem" aria-hidden="true"><svg viewBox="0 0 24 24"><path d="M12 6v7.5M12 17.4v.1"/></svg></span>
<h1>$3</h1>
<p class="lead">$4</p>
</div>
<div class="tear"></div>
<div class="rest" lang="en">
<p><strong>$5</strong></p>
<p>$6</p>
</div>
</div>
</main>
<footer>
<p class="fine">$1</p>
</footer>
</body>
</html>
EOF
	} >"$folder/$1.html.new"
	chmod 644 "$folder/$1.html.new"
	mv "$folder/$1.html.new" "$folder/$1.html"
}

page 413 tone-off '提交的内容过大' '请返回上一页重试。本次操作未扣款。' \
    'The request was too large' \
    'Please go back and try again. This step charged nothing.'
page 500 tone-bad '系统异常' \
    '本次操作未扣款；如果您已在微信中支付，款项和订单都不会丢失。请稍后再查。' \
    'Something went wrong' \
    'This step charged nothing. If you paid in WeChat, your money and your order are safe. Please check again later.'
page 502 tone-wait '系统无响应' \
    '请稍后刷新本页。如果您已在微信中支付，切勿重复支付，款项和订单都不会丢失。' \
    'Our system did not answer' \
    'Please reload this page in a moment. If you paid in WeChat, do not pay twice: your money and your order are safe.'
page 503 tone-wait '当前访问人数较多' \
    '请稍等几秒再刷新本页。如果您已在微信中支付，切勿重复支付，订单不受影响。' \
    'Many people are paying right now' \
    'Please reload this page in a few seconds. If you paid in WeChat, do not pay twice: your order is not affected.'
