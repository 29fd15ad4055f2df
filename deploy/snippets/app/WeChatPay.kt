// A WebView that pays: the pay link is opened in it, weixin:// goes to the
// system, and the return page stays in it (docs/APPS.md).
//
// No compiler and no device was at hand: this file was never built. Each call
// follows the page of the platform that is named beside it. Try it on a phone
// before you ship it.
package example.shop

import android.content.ActivityNotFoundException
import android.content.Context
import android.content.Intent
import android.net.Uri
import android.webkit.WebResourceRequest
import android.webkit.WebView
import android.webkit.WebViewClient

// The authorised H5 payment domain: where your pay links lead.
private const val SITE = "https://shop.example/"
private const val CASHIER = "https://wx.tenpay.com/cgi-bin/mmpayweb-bin/checkmweb?"

class WeChatPay(private val context: Context, private val noWeChat: () -> Unit) :
    WebViewClient() {

    // Asked before a page is loaded; true: the app has dealt with it. POSTs are
    // not asked about: chromium.googlesource.com/android_tools.git/+/
    // febed84a3a3cb7c2cb80d580d79c31e22e9643a5/sdk/sources/android-23/android/
    // webkit/WebViewClient.java.  This overload is of API 24:
    // learn.microsoft.com/en-us/dotnet/api/
    // android.webkit.webviewclient.shouldoverrideurlloading
    override fun shouldOverrideUrlLoading(
        view: WebView, request: WebResourceRequest
    ): Boolean {
        val url = request.url.toString()
        if (url.startsWith("weixin://")) {
            open(url)
            return true
        }
        // Whoever loads a page by hand sends no Referer, so the web view goes
        // on by itself, with the Referer of the page that it shows.
        if (url.startsWith("https://") || url.startsWith("http://"))
            return false
        return true // no other scheme belongs to a payment
    }

    // An Intent of ACTION_VIEW finds the app of a scheme:
    // developer.android.com/training/app-links/deep-linking.  Starting it and
    // catching what is thrown is the way from Android 11 on:
    // github.com/stripe/stripe-android/pull/3035.
    private fun open(url: String) {
        try {
            context.startActivity(Intent(Intent.ACTION_VIEW, Uri.parse(url)))
        } catch (e: ActivityNotFoundException) {
            noWeChat()
        }
    }
}

// The usual way: the pay link, which your server signed.
fun pay(view: WebView, client: WeChatPay, link: String) {
    view.webViewClient = client
    view.loadUrl(link)
}

// Only for an app that has the cashier's address itself: without this header
// the cashier says 商家参数格式有误. loadUrl with headers:
// learn.microsoft.com/en-us/dotnet/api/android.webkit.webview.loadurl
fun openCashier(view: WebView, url: String) {
    require(url.startsWith(CASHIER))
    view.loadUrl(url, mapOf("Referer" to SITE))
}
