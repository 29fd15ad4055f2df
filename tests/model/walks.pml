/* The walks of one order with money, as far as they decide who can pay what and
 * what becomes of it.  docs/MODEL.md says how to read this.
 *
 * Each rule stands under the same name here and beside the function that keeps
 * it.  RULE(r) is true unless the environment says WITHOUT=r, by its number. */

/* rule: spoken		common/pay/attempt.c:unknown_there
 * A number that WeChat has spoken of is not closed by ORDERNOTEXIST. */
#define spoken 1
/* rule: their_time	common/pay/attempt.c:over_there
 * When its time is up, WeChat's clock tells. */
#define their_time 2
/* rule: same_number	common/pay/pay.c:order_once
 * A unifiedorder without an answer is repeated; no other number follows. */
#define same_number 3
/* rule: confirmed_close	common/pay/attempt.c:h5_pay_close_attempt
 * A close without an answer has closed nothing. */
#define confirmed_close 4
/* rule: closing_first	common/pay/pay.c:replace_attempt
 * On the way to the next number the ledger says so before WeChat is asked to
 * close the last one. */
#define closing_first 5
/* rule: number_first	common/pay/pay.c:decide_next
 * A number stands in the ledger before WeChat hears of it. */
#define number_first 6
/* rule: paid_there	common/pay/attempt.c:paid_already
 * A number that WeChat will not close because it was paid is asked about. */
#define paid_there 7
/* rule: right_clock	common/pay/close.c:clock_good
 * A clock that is not WeChat's ends no order. */
#define right_clock 8
/* rule: clock_again	common/pay/close.c:h5_pay_expire_held
 * The clock is read again after it was found right. */
#define clock_again 9
/* rule: second_payment	common/pay/settle.c:decide_overpaid
 * Money that comes a second time is kept and flagged. */
#define second_payment 10
/* rule: late_money	common/pay/settle.c:decide_paid
 * Money for a closed order is money. */
#define late_money 11
/* rule: told_once	common/order/fold.c:apply_paid
 * Only the first payment of an order is told as order.paid. */
#define told_once 12
/* rule: returned_first	common/pay/attempt.c:settle_returned
 * REFUND: how much went back is asked before the payment is recorded. */
#define returned_first 13
/* rule: announced	common/pay/returned.c:h5_returned_announce
 * Refunds are noted before the payment that they are of. */
#define announced 14
/* rule: stays		common/order/fold_refund.c:tell_if_it_stays
 * Money that was thought to go back and did not is told of. */
#define stays 15
/* rule: close_rest	common/pay/close.c:h5_pay_close_rest
 * What is open beside a payment is closed. */
#define close_rest 16
/* rule: ack_last	cgi-bin/notify.c:payment
 * A notice is acknowledged when what it says is durable. */
#define ack_last 17

byte without;
#define RULE(r) (without != r)

/* How many things go wrong in one run, of whatever kind and wherever: a request
 * or an answer lost, a write that fails, a process that dies, a request that
 * arrives late; WeChat denies a number that it has, does not close it yet, or
 * confirms a close that it did not make; a notice comes twice; a refund is made
 * elsewhere; a number is closed elsewhere; the clock is set wrong; the operator
 * closes the order; somebody asks without a reason.  TROUBLES and CLICKS are of
 * the environment. */
#ifndef NUMBERS
#define NUMBERS 2
#endif
byte troubles;
byte clicks;
#define trouble (troubles > 0) -> troubles--

/* --- the world ------------------------------------------------------------ */

mtype = { unmade, open, paid, shut, burnt };	/* a number at WeChat */
mtype there[NUMBERS];
bit under_way[NUMBERS];	/* a unifiedorder, given up here, arrives later */
bit notice[NUMBERS];	/* WeChat tells of the payment, again and again */
bit dropped[NUMBERS];	/* ... or has given it up */
mtype = { none, going, gone, failed };	/* the money, on its way back */
mtype back[NUMBERS];

/* By WeChat's clock: 0, the numbers live; 1, their time is up, but somebody at
 * the cashier may still pay; 2, a minute later, nobody can. */
byte time;
mtype = { right, ahead, behind };
mtype clock = right;	/* this machine's */
bit still;		/* nothing more comes from outside */

#define here (clock == right -> time : (clock == ahead -> 2 : 0))
#define payable(n) (there[n] == open && time < 2)

/* What nobody can defend against: WeChat confirmed a close that it did not
 * make, or denied a number of which it had never spoken to us. */
bit lied[NUMBERS];
bit ours[NUMBERS];	/* we closed it there, on the way to the next number */

/* --- the ledger, folded --------------------------------------------------- */

mtype = { unsettled, is_paid, is_closed };
mtype order = unsettled;
byte last;		/* the current number */
mtype = { no_such, awaiting, ended_paid, ended };
mtype number[NUMBERS];
bit url[NUMBERS];	/* prepaid */
bit known[NUMBERS];	/* queried, and not ORDERNOTEXIST; or closing */
bit closing[NUMBERS];
bit by_query[NUMBERS];	/* ended, why=query */
#define nobody 9
byte by = nobody;	/* the number that paid the order */
bit overpaid;
bit told;		/* there is an order.paid */
bit untold;		/* paid, but all of it was going back */
mtype = { unheard, hinted, processing, success, refund_closed };
mtype refund[NUMBERS];

#define settled (order != unsettled)
#define nothing_due (settled || overpaid)
#define spoke(n) (known[n] || url[n])

/* --- what must never be --------------------------------------------------- */

#define taking(n) ((payable(n) || there[n] == paid) && !lied[n])
#define is_open(n) (number[n] == awaiting)
#define owes(n) (refund[n] == hinted || \
	(refund[n] == processing && back[n] != going))
#if NUMBERS == 2
#define any(what) (what(0) || what(1))
#define two(what) (what(0) && what(1))
#else
#define any(what) (what(0) || what(1) || what(2))
#define two(what) ((what(0) && what(1)) || (what(0) && what(2)) || \
	(what(1) && what(2)))
#endif

#define must(words, what) \
	if \
	:: !(what) -> printf(words); assert(false) \
	:: else \
	fi

/* --- taking turns --------------------------------------------------------- */

/* A program runs on until it waits for WeChat or for the disk.  There anything
 * may come between; a scheduler lets it go on. */
bit talking;		/* the conversation lock */
bit go;
#define pause go; go = 0

mtype = { good, lost, wait };	/* how a walk goes on; lost: by death as well */

inline may_die() {
	pause;
	if
	:: rc == good && trouble;
		rc = lost;
		printf("SAY the program dies, or its write fails\n")
	:: true
	fi
}

/* --- becoming paid -------------------------------------------------------- */

inline tell(all_back) {
	/* order.paid: once, and never for money that all went back. */
	must("SAY => it is told a second time\n", !told);
	must("SAY => it is told of money that all went back\n", !(all_back));
	told = 1;
	printf("SAY   the shop will be told: order.paid\n")
}

/* common/pay/settle.c:decide_paid and the fold behind it.  all_back: the answer
 * at hand says that nothing stays. */
inline settle_paid(n, all_back) {
	if
	:: number[n] == ended_paid ->
		if
		:: RULE(told_once)
		:: else -> tell(false)
		fi
	:: number[n] != ended_paid && by != nobody ->
		if
		:: RULE(second_payment) ->
			number[n] = ended_paid;
			overpaid = 1;
			printf("SAY   the ledger: number %d paid; overpaid\n",
			    n + 1)
		:: else
		fi;
		if
		:: RULE(told_once)
		:: else -> tell(false)
		fi
	:: number[n] != ended_paid && by == nobody ->
		if
		:: order == is_closed && !RULE(late_money)
		:: else ->
			number[n] = ended_paid;
			by = n;
			order = is_paid;
			printf("SAY   the ledger: number %d paid\n", n + 1);
			if
			:: (all_back) && RULE(returned_first) -> untold = 1
			:: else -> tell(all_back)
			fi
		fi
	fi
}

inline record_refund(n) {
	if
	:: refund[n] != success && seen != none ->
		refund[n] = (seen == gone -> success :
		    (seen == failed -> refund_closed : processing));
		printf("SAY   the ledger: refund of number %d: ", n + 1);
		printm(refund[n]);
		printf("\n");
		if
		:: seen == failed && untold && n == by && RULE(stays) ->
			untold = 0;
			tell(false)
		:: else
		fi
	:: else
	fi;
	seen = none
}

/* --- asking --------------------------------------------------------------- */

mtype = { silent, denied, not_pay, closed, SUCCESS, REFUND, taken, not_yet };

/* refundquery, then what it makes of the order. */
inline settle_returned(n) {
	pause;
	if
	:: trouble; rc = lost; printf("SAY refundquery: silent\n")
	:: seen = back[n]; printf("SAY refundquery of number %d: ", n + 1);
 printm(seen);
 printf("\n")
	fi;
	if
	:: rc == good && refund[n] == unheard && RULE(announced) ->
		may_die();
		if
		:: rc == good ->
			refund[n] = hinted;
			printf("SAY   the ledger: refund of number %d: hint\n",
			    n + 1)
		:: else
		fi
	:: else
	fi;
	if
	:: rc == good -> may_die()
	:: else
	fi;
	if
	:: rc == good -> settle_paid(n, (seen != failed)); may_die()
	:: else
	fi;
	if
	:: rc == good -> record_refund(n)
	:: else -> seen = none
	fi
}

/* common/pay/attempt.c:h5_pay_ask_one. */
inline ask_one(n) {
	pause;
	if
	:: trouble; ans = silent
	:: there[n] == unmade || there[n] == burnt -> ans = denied
	:: there[n] == open -> ans = not_pay
	:: there[n] == open && trouble; ans = denied
	:: there[n] == shut -> ans = closed
	:: there[n] == paid && back[n] == none -> ans = SUCCESS
	:: there[n] == paid && back[n] != none -> ans = REFUND
	fi;
	printf("SAY orderquery of number %d: ", n + 1);
	printm(ans);
	printf("\n");
	if
	:: ans == silent -> rc = lost
	:: ans == REFUND -> settle_returned(n)
	:: ans == denied
	:: ans == SUCCESS || ans == not_pay || ans == closed ->
		may_die();
		if
		:: rc == good && ans == SUCCESS -> settle_paid(n, false)
		:: rc == good && ans == not_pay -> known[n] = 1
		:: rc == good && ans == closed ->
			known[n] = 1;
			if
			:: number[n] == awaiting ->
				number[n] = ended;
				by_query[n] = 1;
				printf("SAY   the ledger: number %d ended\n",
				    n + 1)
			:: else
			fi
		:: else
		fi
	fi;
	ans = 0
}

/* common/pay/attempt.c:h5_pay_ask_all. */
inline ask_all(every) {
	i = 0;
	do
	:: rc == good && i <= last ->
		if
		:: number[i] == awaiting || (every && number[i] == ended) ->
			ask_one(i)
		:: else
		fi;
		i++
	:: else -> break
	od;
	i = 0
}

/* --- closing -------------------------------------------------------------- */

inline note_ended(n) {
	if
	:: rc == good && number[n] == awaiting ->
		number[n] = ended;
		printf("SAY   the ledger: number %d ended\n", n + 1);
		/* What is closed here cannot be paid, unless WeChat lied. */
		must("SAY => it is ended here and can be paid there\n",
		    !payable(n) || lied[n])
	:: else
	fi
}

/* common/pay/attempt.c:h5_pay_close_attempt. */
inline close_attempt(n) {
	pause;
	over = (time == 2);	/* the Date of this answer */
	if
	:: trouble; ans = silent
	:: troubles > 0 && (there[n] == open || there[n] == unmade) ->
		troubles--;
		there[n] = (there[n] == open -> shut : burnt);
		ours[n] = ours[n] || (replacing && there[n] == shut &&
		    spoke(n));
		ans = silent
	:: there[n] == unmade -> there[n] = burnt; ans = denied
	:: there[n] == burnt -> ans = denied
	:: there[n] == open ->
		there[n] = shut;
		ours[n] = ours[n] || (replacing && spoke(n));
		ans = SUCCESS
	:: there[n] == open && time == 0 && trouble; ans = not_yet
	:: there[n] == open && trouble;
		lied[n] = lied[n] || (!spoke(n) && time < 2);
		ans = denied
	:: there[n] == open && trouble; lied[n] = 1; ans = SUCCESS
	:: there[n] == shut -> ans = closed
	:: there[n] == paid -> ans = taken	/* ORDERPAID */
	fi;
	printf("SAY closeorder of number %d: ", n + 1);
	printm(ans);
	printf("; there it is ");
	printm(there[n]);
	printf("\n");
	if
	:: ans == silent && RULE(confirmed_close) -> rc = lost
	:: ans == not_yet -> rc = wait
	:: ans == denied && RULE(spoken) && spoke(n) &&
	   (RULE(their_time) -> !over : here < 2) -> rc = wait
	:: ans == taken && RULE(paid_there) ->
		ask_one(n);
		if
		:: rc == good && !nothing_due && number[n] == awaiting ->
			rc = lost
		:: else
		fi
	:: else ->
		may_die();
		note_ended(n)
	fi;
	over = 0;
	ans = 0
}

inline close_attempts() {
	i = 0;
	do
	:: rc == good && i <= last ->
		if
		:: number[i] == awaiting -> close_attempt(i)
		:: else
		fi;
		i++
	:: else -> break
	od;
	i = 0
}

/* common/pay/close.c:close_order.  expired: by a clock. */
inline close_order(expired) {
	close_attempts();
	if
	:: rc == good && !settled -> ask_all(true)
	:: else
	fi;
	if
	:: rc == good && !settled -> may_die()
	:: else
	fi;
	if
	:: rc == good && !settled ->
		order = is_closed;
		printf("SAY   the ledger: closed\n");
		/* No order expires before its time. */
		must("SAY => it expired before its time\n",
		    !(expired) || time > 0)
	:: else
	fi
}

/* common/pay/close.c:h5_pay_expire_held.  Our clock said that the time is up;
 * it is compared with WeChat's, and read again. */
inline expire() {
	pause;
	if
	:: RULE(right_clock) && clock != right -> rc = wait
	:: RULE(clock_again) && here == 0 -> rc = wait
	:: else -> close_order(true)
	fi
}

/* common/pay/pay.c:close_if_wechat_did. */
inline close_if_wechat_did() {
	if
	:: rc == good && !nothing_due && number[last] == ended &&
	   by_query[last] && !closing[last] ->
		may_die();
		if
		:: rc == good && !settled ->
			order = is_closed;
			printf("SAY   the ledger: closed, by WeChat\n");
			/* Our own close on the way to the next number ends no
			 * order. */
			must("SAY => our own close ended the order\n", !ours[last])
		:: else
		fi
	:: else
	fi
}

/* --- the rule of attempts ------------------------------------------------- */

/* common/pay/pay.c:decide_next. */
inline next_attempt() {
	if
	:: rc == good && last + 1 == NUMBERS -> rc = lost
	:: rc == good && last + 1 < NUMBERS ->
		if
		:: !RULE(number_first) && time == 0 ->
			there[last + 1] = open;
			printf("SAY unifiedorder of number %d\n", last + 2)
		:: else
		fi;
		may_die();
		if
		:: rc == good && !nothing_due && number[last] == ended ->
			last++;
			number[last] = awaiting;
			printf("SAY   the ledger: number %d\n", last + 1)
		:: else
		fi
	:: else
	fi
}

/* common/pay/pay.c:replace_attempt. */
inline replace(knew) {
	ask_one(last);
	if
	:: rc == good && !nothing_due && number[last] == awaiting ->
		if
		:: knew || spoke(last) ->
			if
			:: RULE(closing_first) -> may_die()
			:: else
			fi;
			if
			:: rc == good ->
				known[last] = 1;
				closing[last] = RULE(closing_first);
				printf("SAY   the ledger: number %d closing\n",
				    last + 1)
			:: else
			fi
		:: else
		fi;
		replacing = 1;
		if
		:: rc == good -> close_attempt(last)
		:: else
		fi;
		replacing = 0
	:: else
	fi;
	if
	:: rc == good && !nothing_due -> next_attempt()
	:: else
	fi
}

/* common/pay/pay.c:order_once and refused. */
inline order_once() {
	pause;
	if
	:: trouble; ans = silent
	:: troubles > 0 && there[last] == unmade && time == 0 ->
		troubles--;
		if
		:: there[last] = open
		:: under_way[last] = 1
		fi;
		ans = silent
	:: time > 0 -> ans = silent	/* refused: no time is left */
	:: time == 0 && there[last] == unmade ->
		there[last] = open;
		ans = SUCCESS
	:: time == 0 && there[last] == open -> ans = SUCCESS
	:: time == 0 && there[last] == open -> ans = taken
	:: time == 0 && there[last] == burnt -> ans = taken
	:: time == 0 && there[last] == shut -> ans = closed
	:: time == 0 && there[last] == paid -> ans = not_pay	/* ORDERPAID */
	fi;
	printf("SAY unifiedorder of number %d: ", last + 1);
	printm(ans);
	printf("; there it is ");
	printm(there[last]);
	printf("\n");
	/* Never two numbers by which money can come or came in. */
	must("SAY => two numbers can take money\n", !two(taking));
	if
	:: ans == SUCCESS ->
		may_die();
		if
		:: rc == good && !settled -> url[last] = 1
		:: else
		fi;
		turn = 2
	:: ans == not_pay -> ask_one(last); turn = 2
	:: ans == taken || ans == closed -> replace(true); turn++
	:: ans == silent ->
		turn = 2;
		if
		:: RULE(same_number) -> rc = lost
		:: else ->
			number[last] = ended;
			next_attempt();
			turn = 1
		fi
	fi;
	ans = 0
}

/* common/pay/pay.c:order_attempts.  The buyer's way to pay (H5, QR) belongs to
 * a number: whoever picks the other one is sent on to the next number. */
inline order_attempts() {
	turn = 0;
	if
	:: number[last] == ended -> next_attempt()
	:: number[last] == awaiting	/* another way, or no time left */ ->
		replace(false)
	:: number[last] != ended
	fi;
	do
	:: rc == good && turn < 2 && !nothing_due -> order_once()
	:: else -> break
	od;
	turn = 0
}

/* --- the programs --------------------------------------------------------- */

#define locals mtype rc, ans, seen; byte i, turn; bit replacing, over, rest
#define begin(why) !talking && !go && (why) -> talking = 1; rc = good; \
	seen = none
#define finish talking = 0; rc = 0; ans = 0; seen = 0; over = 0

proctype checkout() {
	locals;
end:	do
	:: atomic {
		begin(clicks > 0 && !nothing_due);
		printf("SAY -- checkout\n");
		clicks--;
		if
		:: here > 0 -> expire()
		:: here == 0 ->
			ask_all(false);
			close_if_wechat_did();
			if
			:: rc == good && !nothing_due -> order_attempts()
			:: else
			fi
		/* Asked a moment ago, or there was no reason to. */
		:: here == 0 -> order_attempts()
		fi;
		finish
	   }
	od
}

/* The page's button; h5pay query, which asks about every number. */
proctype query() {
	locals;
end:	do
	:: atomic {
		begin(troubles > 0 && !settled);
		printf("SAY -- query\n");
		troubles--;
		if
		:: ask_all(false)
		:: ask_all(true)
		fi;
		close_if_wechat_did();
		finish
	   }
	od
}

/* h5pay close. */
proctype operator() {
	locals;
end:	do
	:: atomic {
		begin(troubles > 0 && !settled);
		printf("SAY -- h5pay close\n");
		troubles--;
		close_order(false);
		finish
	   }
	od
}

/* What a sweep will change: a question without news changes nothing. */
#define news(n) (number[n] == awaiting && (there[n] == paid || \
	there[n] == shut || (there[n] == open && !known[n])))
/* A number that WeChat spoke of and denies for good: only time ends it. */
#define denied_for_good(n) (number[n] == awaiting && spoke(n) && \
	(there[n] == unmade || there[n] == burnt))
#define due_end (!settled && time > 0 && clock == right && \
	(time == 2 || !any(denied_for_good)))
#define due_rest (order == is_paid && any(is_open) && RULE(close_rest) && \
	(time == 2 || !any(denied_for_good)))
#define due (due_end || due_rest || (!settled && any(news)) || \
	(settled && any(owes)))
#define at_rest (settled && !any(is_open) && !any(owes))

inline look_after_refunds() {
	i = 0;
	do
	:: rc == good && i <= last && (refund[i] == hinted ||
	    refund[i] == processing) ->
		pause;
		seen = back[i];
		printf("SAY refundquery of number %d: ", i + 1);
		printm(seen);
		printf("\n");
		may_die();
		if
		:: rc == good -> record_refund(i)
		:: else
		fi;
		i++
	:: rc == good && i <= last && refund[i] != hinted &&
	    refund[i] != processing -> i++
	:: rc != good || i > last -> break
	od;
	i = 0
}

/* Each payment ends as paid, or flagged; the shop was told of money that stayed
 * and of no other; nothing can be paid any more. */
inline check_end() {
	i = 0;
	do
	:: i < NUMBERS ->
		printf("SAY at the end number %d: ", i + 1);
		printm(there[i]);
		printf(" there, ");
		printm(number[i]);
		printf(" here\n");
		must("SAY => money is neither paid nor flagged\n",
		    there[i] != paid || number[i] == ended_paid ||
		    (lied[i] && dropped[i]));
		must("SAY => a number is still open\n",
		    number[i] != awaiting && !payable(i));
		must("SAY => money came twice and is not flagged\n",
		    number[i] != ended_paid || i == by || overpaid);
		i++
	:: else -> break
	od;
	i = 0;
	must("SAY => paid and not paid\n", by == nobody || order == is_paid);
	must("SAY => money stayed, or went back, and nobody was told\n",
	    by == nobody || told || (untold && back[by] == gone &&
	    refund[by] == success))
}

/* admin/sweep_order.c:sweep_one. */
proctype sweep() {
	locals;
	do
	:: atomic {
		begin(due || (here > 0 && troubles > 0));
		printf("SAY -- sweep\n");
		if
		:: due
		:: else -> troubles--
		fi;
		rest = (order == is_paid && any(is_open) && RULE(close_rest));
		if
		:: !settled && here > 0 -> expire()
		:: else
		fi;
		if
		:: rc != lost && !settled ->
			rc = good;
			ask_all(false);
			close_if_wechat_did()
		:: else
		fi;
		if
		:: rest ->
			rc = good;
			close_attempts()
		:: else
		fi;
		rest = 0;
		if
		:: settled -> rc = good; look_after_refunds()
		:: else
		fi;
		finish
	   }
	:: atomic {
		still && !talking && !go && !due ->
		check_end();
		break
	   }
	od
}

/* Notices: at once, late, twice, never.  A payment of a number that is closed
 * here has no other way to us: it is told until it is taken. */
#define NOTICE(n) \
	:: atomic { notice[n] && !go -> \
		rc = good; \
		printf("SAY -- a notice of number %d\n", n + 1); \
		if \
		:: !RULE(ack_last) -> notice[n] = 0; acked = 1 \
		:: else \
		fi; \
		if \
		:: troubles > 0 -> troubles--; rc = lost; \
			printf("SAY notify dies, or its write fails\n") \
		:: number[n] != no_such -> settle_paid(n, false) \
		:: number[n] == no_such -> rc = lost \
		fi; \
		if \
		:: rc == good -> notice[n] = 0 \
		:: rc == good && troubles > 0 -> troubles-- \
		:: rc == lost && !acked && number[n] == no_such -> \
			notice[n] = 0 \
		:: rc == lost && number[n] != no_such \
		fi; \
		rc = 0; \
		acked = 0 \
	   } \
	:: atomic { notice[n] && !go && number[n] != ended -> \
		notice[n] = 0; \
		dropped[n] = 1 \
	   }
proctype notify() {
	mtype rc;
	bit acked;
end:	do
	NOTICE(0)
	NOTICE(1)
#if NUMBERS > 2
	NOTICE(2)
#endif
	od
}

/* The buyer, WeChat, the merchant at WeChat's platform. */
#define WORLD(n) \
	:: atomic { !go && payable(n) -> \
		there[n] = paid; \
		notice[n] = 1; \
		printf("SAY -- number %d is paid\n", n + 1); \
		must("SAY => two numbers can take money\n", !two(taking)) \
	   } \
	:: atomic { !go && under_way[n] -> \
		under_way[n] = 0; \
		if \
		:: there[n] == unmade && time == 0 -> there[n] = open \
		:: else \
		fi; \
		printf("SAY -- a late unifiedorder of number %d; it is ", n + 1); \
		printm(there[n]); \
		printf("\n"); \
		must("SAY => two numbers can take money\n", !two(taking)) \
	   } \
	:: atomic { !go && there[n] == paid && back[n] == none && trouble; \
		back[n] = going; \
		printf("SAY -- number %d is refunded elsewhere\n", n + 1) \
	   } \
	:: atomic { !go && back[n] == going -> back[n] = gone; \
		printf("SAY -- the refund of number %d is done\n", n + 1) } \
	:: atomic { !go && back[n] == going -> back[n] = failed; \
		printf("SAY -- the refund of number %d fails\n", n + 1) } \
	:: atomic { !go && there[n] == open && trouble; there[n] = shut; \
		printf("SAY -- number %d is closed elsewhere\n", n + 1) }
#define busy(n) (under_way[n] || back[n] == going || notice[n])
proctype world() {
	do
	WORLD(0)
	WORLD(1)
#if NUMBERS > 2
	WORLD(2)
#endif
	:: atomic { !go && time < 2 -> time++;
		printf("SAY -- time %d\n", time) }
	:: atomic { !go && clock == right && trouble; clock = ahead;
		printf("SAY -- the clock is set ahead\n") }
	:: atomic { !go && clock == right && trouble; clock = behind;
		printf("SAY -- the clock is set back\n") }
	:: atomic { !go && clock != right -> clock = right;
		printf("SAY -- the clock is set right\n") }
	:: atomic { !go && time == 2 && clock == right && !any(busy) ->
		still = 1;
		break }
	od
}

proctype scheduler() {
end:	do
	:: atomic { talking && !go -> go = 1 }
	od
}

c_decl {
static int
told_by(const char *name, int otherwise)
{
	return getenv(name) != NULL ? atoi(getenv(name)) : otherwise;
}
}

init {
	atomic {
		byte n = 0;
		c_code {
			now.without = told_by("WITHOUT", 0);
			now.troubles = told_by("TROUBLES", 2);
			now.clicks = told_by("CLICKS", 2);
		};
		do
		:: n < NUMBERS ->
			there[n] = unmade;
			back[n] = none;
			number[n] = no_such;
			refund[n] = unheard;
			n++
		:: else -> break
		od;
		n = 0;
		number[0] = awaiting;	/* created */
		run checkout();
		run checkout();
		run query();
		run operator();
		run sweep();
		run notify();
		run world();
		run scheduler()
	}
}
