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

page 413 tone-off '提交的内容太大' '请返回上一页重试。没有扣款。' \
    'That was too large' \
    'Please go back and try again. This page charged nothing.'
page 500 tone-bad '系统出错了' \
    '本页没有扣款；如果您已在微信付款，款项和订单都不会丢失。请稍后再查。' \
    'Something went wrong' \
    'This page charged nothing. If you paid in WeChat, your money and order are safe. Please check again later.'
page 502 tone-wait '系统没有回应' \
    '请稍后刷新本页。如果您已在微信付款，请不要重复付款，款项和订单都不会丢失。' \
    'No answer from our system' \
    'Please reload this page in a moment. If you paid in WeChat, do not pay twice: your money and order are safe.'
page 503 tone-wait '现在人太多' \
    '请过几秒钟刷新本页。如果您已在微信付款，请不要重复付款，订单不受影响。' \
    'Very busy right now' \
    'Please reload this page in a few seconds. If you paid in WeChat, do not pay twice: your order is not affected.'
