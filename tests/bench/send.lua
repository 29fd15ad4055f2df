-- send.lua - a different request each time, and every answer looked at.
--   wrk ... -s send.lua URL -- METHOD FILE STEP STATUS WANT [PATH]
-- FILE holds a body a line (POST, to PATH), or a path a line (GET).  WANT: text
-- that has to stand in the body, or =text: the body exactly, or #n: n bytes,
-- or @text: in Location.
local all = {}
local count = 0

function setup(thread)
	thread:set("id", count)
	count = count + 1
	table.insert(all, thread)
end

function init(args)
	method, step, status_due, want, path =
	    args[1], tonumber(args[3]), tonumber(args[4]), args[5], args[6]
	lines = {}
	for line in io.lines(args[2]) do
		lines[#lines + 1] = line
	end
	at = id + 1
	sent, good, bad, again = 0, 0, 0, 0
	first_bad = ""
	headers = { ["Content-Type"] = "application/x-www-form-urlencoded" }
end

function request()
	local line = lines[at]
	at = at + step
	if at > #lines then
		at = id + 1
		again = again + 1
	end
	sent = sent + 1
	if method == "GET" then
		return wrk.format("GET", line)
	end
	return wrk.format("POST", path, headers, line)
end

local function fits(headers, body)
	local kind, rest = want:sub(1, 1), want:sub(2)
	if kind == "=" then
		return body == rest
	elseif kind == "#" then
		return #body == tonumber(rest)
	elseif kind == "@" then
		return (headers["Location"] or ""):find(rest, 1, true) ~= nil
	end
	return body:find(want, 1, true) ~= nil
end

function response(status, headers, body)
	if status == status_due and fits(headers, body) then
		good = good + 1
	else
		bad = bad + 1
		first_bad = status .. " " .. body:sub(1, 300)
	end
end

function done(summary, latency, requests)
	local good, bad, again, first = 0, 0, 0, ""
	for _, t in ipairs(all) do
		good = good + t:get("good")
		bad = bad + t:get("bad")
		again = again + t:get("again")
		first = first .. t:get("first_bad")
	end
	local e = summary.errors
	io.stderr:write(string.format("%d %d %d %d %d %d %d\n%s\n", good,
	    bad + e.connect + e.read + e.write + e.timeout, again,
	    summary.duration, latency:percentile(50), latency:percentile(99),
	    latency.max, first))
end
