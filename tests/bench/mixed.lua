-- mixed.lua - requests of many kinds, and the status of each looked at.
--   wrk ... -s mixed.lua URL -- FILE
-- FILE: a request a line, tab-separated: statuses it may have (200,303),
-- method, path, content type, body.  One connection asks at a time, so that
-- an answer belongs to the request before it: run wrk with -t1 -c1 for each.
local sent, right, wrong, first = 0, 0, 0, ""
local lines, due = {}, nil
local all = {}

function setup(thread)
	table.insert(all, thread)
end

function init(args)
	for line in io.lines(args[1]) do
		local may, method, path, kind, body =
		    line:match("([^\t]*)\t([^\t]*)\t([^\t]*)\t([^\t]*)\t(.*)")
		lines[#lines + 1] = { may = may, text = wrk.format(method, path,
		    kind ~= "" and { ["Content-Type"] = kind } or {},
		    method == "POST" and body or nil) }
	end
	at = math.random(#lines)
	good, bad, told = 0, 0, ""
end

function request()
	at = at % #lines + 1
	due = lines[at].may
	return lines[at].text
end

function response(status, headers, body)
	if due:find(tostring(status), 1, true) then
		good = good + 1
	else
		bad = bad + 1
		told = status .. " for " .. lines[at].text:sub(1, 200)
	end
end

function done(summary, latency, requests)
	local e = summary.errors
	local good, bad, told = 0, 0, ""
	for _, t in ipairs(all) do
		good = good + t:get("good")
		bad = bad + t:get("bad")
		told = told .. t:get("told")
	end
	io.stderr:write(string.format("%d %d\n%s\n", good,
	    bad + e.connect + e.read + e.write + e.timeout, told))
end
