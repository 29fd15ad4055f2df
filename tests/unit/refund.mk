# What a test of refunds replaces at link time: WeChat and the clock.
UNIT_LDFLAGS_test_refund := $(foreach f,h5_wechat_refund \
	h5_wechat_refund_query h5_wechat_refunds h5_clock_now,-Wl,--wrap=$(f))
UNIT_LDFLAGS_test_elsewhere := $(UNIT_LDFLAGS_test_refund) \
	-Wl,--wrap=h5_wechat_query
UNIT_LDFLAGS_test_pay_api := $(foreach f,h5_wechat_prepay h5_wechat_query \
	h5_wechat_close h5_wechat_request h5_clock_now,-Wl,--wrap=$(f))
