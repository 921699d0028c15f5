-- GET /metrics: what the workers have counted, in the text format of Prometheus.
--
-- Labels hold names from the document and nothing that a client sends. What is written comes from
-- the document that is served now, so the series of a server or host end when it leaves. A host,
-- upstream or server without requests has no requests_total and no histogram.
local balancer = require("orctl.balancer.phase")
local block = require("orctl.metrics.block")
local certs = require("orctl.tls.certs")
local counters = require("orctl.lib.counters")
local cycle = require("orctl.state.cycle")
local ffi = require("ffi")
local record = require("orctl.metrics.record")
local static = require("orctl.state.static")
local view = require("orctl.state.view")
local text = require("orctl.metrics.text")

local _M = {}

local labels = text.labels

local CAP = 100000    -- samples of one answer
local SLICE = 250     -- samples, or servers looked at, before other requests get their turn
local PAUSE = 0.001   -- seconds; ngx.sleep(0) would yield, but Debian's nginx logs a warning

local STATES = { "active", "reading", "writing", "waiting" }

-- What the stub_status module shows; it counts in these variables of nginx.
ffi.cdef([[
extern volatile unsigned long *ngx_stat_accepted, *ngx_stat_handled, *ngx_stat_active,
  *ngx_stat_reading, *ngx_stat_writing, *ngx_stat_waiting;
]])

local has_stub_status = pcall(function() return ffi.C.ngx_stat_accepted end)

local function write_connections(out)
  if not has_stub_status then
    return
  end
  out:family("openresty_connections", "gauge", "Client connections by state.")
  for _, name in ipairs(STATES) do
    out:sample(labels("state", name), tonumber(ffi.C["ngx_stat_" .. name][0]))
  end
  out:family("openresty_connections_accepted_total", "counter", "Client connections accepted.")
  out:sample("", tonumber(ffi.C.ngx_stat_accepted[0]))
  out:family("openresty_connections_handled_total", "counter",
    "Client connections handled; less than accepted when worker_connections is too small.")
  out:sample("", tonumber(ffi.C.ngx_stat_handled[0]))
end

local function version_text(number)
  return ("%d.%d.%d"):format(number / 1000000, number / 1000 % 1000, number % 1000)
end

local function write_instance(out)
  local status = cycle.status()
  local reloaded, at = cycle.last_reload(status)
  out:family("openresty_build_info", "gauge", "Versions of what runs.")
  out:sample(labels("nginx", version_text(ngx.config.nginx_version),
    "ngx_lua", version_text(ngx.config.ngx_lua_version), "lua", jit.version), 1)
  out:family("openresty_config_info", "gauge", "Digest of the gateway document that is served.")
  out:sample(labels("sha256", status.digest), 1)
  out:family("openresty_config_generation", "gauge",
    "Number of the gateway document that is served; grows with each change.")
  out:sample("", status.generation)
  out:family("openresty_config_last_reload_successful", "gauge",
    "Whether the last reload reached the workers and all of them serve what they should.")
  out:sample("", reloaded and 1 or 0)
  out:family("openresty_config_last_reload_success_timestamp_seconds", "gauge",
    "When the workers last got another configuration, by a reload or while running.")
  out:sample("", at)
  out:family("openresty_config_overrides", "gauge",
    "Servers that an operator has drained, weighted, added or removed for now.")
  out:sample("", status.overrides)
  out:family("openresty_lua_memory_bytes", "gauge", "Memory of the Lua VM of each worker.")
  for _, worker in ipairs(status.workers) do
    local bytes = record.memory(worker.pid)
    if bytes then
      out:sample(labels("worker", worker.id), bytes)
    end
  end
end

local function write_certificates(out)
  out:family("openresty_certificate_not_after_timestamp_seconds", "gauge",
    "When a certificate ends.")
  for _, one in ipairs(certs.expiry()) do
    out:sample(labels("server", one.name), one.not_after)
  end
end

local function sorted_names(set)
  local names = {}
  for name in pairs(set) do names[#names + 1] = name end
  table.sort(names)
  return names
end

local function write_dictionaries(out)
  local names = sorted_names(ngx.shared)
  out:family("openresty_shared_dict_capacity_bytes", "gauge", "Size of a shared dictionary.")
  for _, name in ipairs(names) do
    out:sample(labels("dict", name), ngx.shared[name]:capacity())
  end
  out:family("openresty_shared_dict_free_bytes", "gauge",
    "Free pages of a shared dictionary; there may be room left in pages that are in use.")
  for _, name in ipairs(names) do
    out:sample(labels("dict", name), ngx.shared[name]:free_space())
  end
end

local function add_up(rows, b, add)
  local sums = {}
  for i = 1, #rows do
    add(rows[i], b, sums)
  end
  return sums
end

local function by_number(a, b)
  return (tonumber(a) or 1000) < (tonumber(b) or 1000)
end

-- A sample for each status; `before` are the labels that come first.
local function write_codes(out, before, sums)
  local codes = {}
  for code in pairs(sums) do codes[#codes + 1] = code end
  table.sort(codes, by_number)
  for _, code in ipairs(codes) do
    out:sample(before .. "," .. labels("code", code), sums[code])
  end
end

local function write_durations(out, before, sums)
  local count = 0
  for i = 1, #sums do count = count + sums[i] end
  if count > 0 then
    out:histogram(before, block.BOUNDS, sums)
  end
end

local function write_hosts(out, rows)
  local names = sorted_names(record.hosts())
  local function each(write, add)
    for _, name in ipairs(names) do
      local host = record.hosts()[name] -- anew each time: it may have left during a pause
      out:step()
      if host and host.block ~= counters.SPARE then
        write(out, labels("server", name), add_up(rows, host.block, add))
      end
    end
  end
  out:family("openresty_http_requests_total", "counter",
    "Requests by the host of their route and by the status that was sent; \"_\" is no host.")
  each(write_codes, block.add_codes)
  out:family("openresty_http_request_duration_seconds", "histogram",
    "Time from the first byte of a request to the last byte of its answer.")
  each(write_durations, block.add_durations)
end

local function write_upstreams(out, rows)
  local names = sorted_names(view.current().upstreams)
  local function each(visit)
    for _, name in ipairs(names) do
      local upstream = view.current().upstreams[name]
      out:step()
      if upstream and not static.is_alone(name) then visit(upstream, labels("upstream", name)) end
    end
  end
  out:family("openresty_upstream_response_duration_seconds", "histogram",
    "Time that servers took to answer, each try for itself.")
  each(function(upstream, before)
    write_durations(out, before, add_up(rows, upstream.stats.block, block.add_durations))
  end)
  out:family("openresty_upstream_retries_total", "counter",
    "Tries that failed and were followed by another.")
  each(function(upstream, before)
    out:sample(before, counters.sum(upstream.stats.block, block.RETRIES))
  end)

  local known = {} -- labels of servers
  local function each_peer(visit)
    each(function(upstream, before)
      for _, peer in ipairs(upstream.list) do
        out:step()
        known[peer] = known[peer] or before .. "," .. labels("peer", peer.address)
        visit(upstream, peer, known[peer])
      end
    end)
  end
  out:family("openresty_upstream_peer_up", "gauge",
    "Whether a server is not taken out by its health checks.")
  each_peer(function(upstream, peer, before)
    out:sample(before, upstream.down and upstream.down[peer.key] and 0 or 1)
  end)
  out:family("openresty_upstream_peer_state", "gauge",
    "What a server is now, overrides included; only an \"up\" one gets new requests.")
  each_peer(function(upstream, peer, before)
    out:sample(before .. "," .. labels("state", balancer.state_of(upstream, peer)), 1)
  end)
  out:family("openresty_upstream_peer_requests_in_flight", "gauge",
    "Requests that a server has not finished.")
  each_peer(function(_, peer, before)
    out:sample(before, counters.sum(peer.block, counters.IN_FLIGHT))
  end)
  out:family("openresty_upstream_peer_check_failures_total", "counter",
    "Health checks of a server that failed.")
  each_peer(function(upstream, peer, before)
    if upstream.health then
      out:sample(before, counters.sum(peer.block, block.CHECK_FAILURES))
    end
  end)
  out:family("openresty_upstream_requests_total", "counter",
    "Tries by server and by the status that it, or the gateway for it, answered.")
  each_peer(function(_, peer, before)
    write_codes(out, before, add_up(rows, peer.block, block.add_codes))
  end)
end

-- Hands a slice to nginx; before each but the first, other requests get their turn.
local function sender()
  local first = true
  return function(part)
    if not first then
      ngx.sleep(PAUSE)
    end
    first = false
    if part ~= "" then
      ngx.print(part)
      if not ngx.flush(true) then
        ngx.exit(ngx.ERROR) -- the reader has gone
      end
    end
  end
end

--- Answers GET /metrics.
function _M.run()
  ngx.header["Content-Type"] = text.CONTENT_TYPE
  if ngx.req.get_method() == "HEAD" then
    return ngx.send_headers()
  end
  local rows = {}
  counters.each_row(function(row) rows[#rows + 1] = row end)
  local out = text.new(sender(), SLICE, CAP)
  write_instance(out)
  write_connections(out)
  write_certificates(out)
  write_dictionaries(out)
  write_hosts(out, rows)
  write_upstreams(out, rows)
  local dropped = record.count_dropped(out.dropped)
  out:reserve(1)
  out:family("openresty_metric_errors_total", "counter",
    "Samples that were left out of /metrics because there were too many.")
  out:sample("", dropped)
  out:flush()
end

return _M
