-- What wrk sends, as name=value behind "--":  close=1  pipeline=N  post=BYTES
-- The request stays static: a `request` function would be called, and cost, for every one.
function init(args)
	local options = {}
	for _, argument in ipairs(args) do
		local name, value = argument:match("^(%w+)=(.*)$")
		options[name] = value
	end
	if options.close then
		wrk.headers["Connection"] = "close"
	end
	if options.post then
		wrk.method, wrk.body = "POST", ("x"):rep(tonumber(options.post))
	end
	local format, times = wrk.format, tonumber(options.pipeline or 1)
	wrk.format = function(...)
		return format(...):rep(times)
	end
end

-- One line for Load.pm.
function done(summary, latency)
	local errors = summary.errors
	io.write(string.format(
		"bench requests=%d us=%d bytes=%d p99_us=%d connect=%d read=%d write=%d status=%d timeout=%d\n",
		summary.requests, summary.duration, summary.bytes, latency:percentile(99),
		errors.connect, errors.read, errors.write, errors.status, errors.timeout))
end
