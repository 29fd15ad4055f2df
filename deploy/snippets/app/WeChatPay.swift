// A web view that pays: the pay link is opened in it, weixin:// goes to the
// system, and the return page stays in it (docs/APPS.md).
//
// No compiler and no device was at hand: this file was never built. Each call
// follows the page of the platform that is named beside it. Try it on a phone
// before you ship it.
import UIKit
import WebKit

// The authorised H5 payment domain: where your pay links lead.
private let site = "https://shop.example/"
private let cashier = "https://wx.tenpay.com/cgi-bin/mmpayweb-bin/checkmweb?"

final class WeChatPay: NSObject, WKNavigationDelegate {
    private let noWeChat: () -> Void

    init(noWeChat: @escaping () -> Void) {
        self.noWeChat = noWeChat
    }

    // The usual way: the pay link, which your server signed. load(_:):
    // developer.apple.com/documentation/webkit/wkwebview/load(_:)-5siv6
    // The web view holds its delegate weakly: keep this object.
    func pay(_ view: WKWebView, link: URL) {
        view.navigationDelegate = self
        _ = view.load(URLRequest(url: link))
    }

    // Only for an app that has the cashier's address itself: without this
    // header the cashier says 商家参数格式有误. setValue:
    // developer.apple.com/documentation/foundation/urlrequest/
    // setvalue(_:forhttpheaderfield:)
    func openCashier(_ view: WKWebView, url: URL) {
        precondition(url.absoluteString.hasPrefix(cashier))
        var request = URLRequest(url: url)
        request.setValue(site, forHTTPHeaderField: "Referer")
        view.navigationDelegate = self
        _ = view.load(request)
    }

    // Asked before each navigation: developer.apple.com/documentation/webkit/
    // wknavigationdelegate/webview(_:decidepolicyfor:decisionhandler:)-2ni62
    func webView(
        _ webView: WKWebView,
        decidePolicyFor navigationAction: WKNavigationAction,
        decisionHandler: @escaping @MainActor @Sendable (WKNavigationActionPolicy) -> Void
    ) {
        let url = navigationAction.request.url
        switch url?.scheme {
        case "https", "http", "about":
            decisionHandler(.allow)
        case "weixin":
            decisionHandler(.cancel)
            open(url!)
        default:
            decisionHandler(.cancel)
        }
    }

    // developer.apple.com/documentation/uikit/uiapplication/
    // open(_:options:completionhandler:) tells whether it was opened.
    private func open(_ url: URL) {
        UIApplication.shared.open(url, options: [:]) { opened in
            if !opened {
                self.noWeChat()
            }
        }
    }
}
