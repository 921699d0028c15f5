local tap = require("tap")
local text = require("orctl.metrics.text")

local function collect(slice, cap)
  local parts = {}
  return text.new(function(part) parts[#parts + 1] = part end, slice or 100, cap or 1000), parts
end

return {
  { "a metric is its help, its type and its samples", function()
    local out, parts = collect()
    out:family("a_total", "counter", "Things done.")
    out:sample("", 3)
    out:sample(text.labels("server", "x", "code", 200), 4.5)
    out:flush()
    tap.equal(parts, { "# HELP a_total Things done.\n# TYPE a_total counter\n"
      .. "a_total 3\na_total{server=\"x\",code=\"200\"} 4.5\n" })
  end },
  { "a metric without samples is not there", function()
    local out, parts = collect()
    out:family("a", "gauge", "A.")
    out:family("b", "gauge", "B.")
    out:sample("", 1)
    out:flush()
    tap.equal(parts, { "# HELP b B.\n# TYPE b gauge\nb 1\n" })
  end },
  { "nothing in a value ends the label or the line", function()
    tap.equal(text.labels("a", "x\"y\\z\n}", "b", ""), "a=\"x\\\"y\\\\z\\n}\",b=\"\"")
    local out, parts = collect()
    out:family("a", "gauge", "one\\two\nthree \"four\"")
    out:sample("", 0)
    out:flush()
    tap.equal(parts[1]:match("^[^\n]*"), "# HELP a one\\\\two\\nthree \"four\"")
  end },
  { "buckets are added up, and the last of them is the count", function()
    local out, parts = collect()
    out:family("d_seconds", "histogram", "D.")
    out:histogram("u=\"x\"", { 0.005, 1 }, { 2, 0, 3, seconds = 7.25 })
    out:histogram("", { 0.005, 1 }, { 0, 1, 0, seconds = 0.1 + 0.2 })
    out:flush()
    tap.equal(parts[1], "# HELP d_seconds D.\n# TYPE d_seconds histogram\n"
      .. "d_seconds_bucket{u=\"x\",le=\"0.005\"} 2\nd_seconds_bucket{u=\"x\",le=\"1\"} 2\n"
      .. "d_seconds_bucket{u=\"x\",le=\"+Inf\"} 5\nd_seconds_sum{u=\"x\"} 7.25\n"
      .. "d_seconds_count{u=\"x\"} 5\n"
      .. "d_seconds_bucket{le=\"0.005\"} 0\nd_seconds_bucket{le=\"1\"} 1\n"
      .. "d_seconds_bucket{le=\"+Inf\"} 1\nd_seconds_sum 0.3\nd_seconds_count 1\n")
  end },
  { "large counts keep all their digits", function()
    local out, parts = collect()
    out:family("a", "gauge", "A.")
    for _, value in ipairs({ 2 ^ 31, 2 ^ 53 - 1, 1700000000.5, -1 }) do
      out:sample("", value)
    end
    out:flush()
    tap.equal(parts[1]:match("gauge\n(.*)$"),
      "a 2147483648\na 9007199254740991\na 1700000000.5\na -1\n")
  end },
  { "comes in slices", function()
    local out, parts = collect(2)
    out:family("a", "gauge", "A.")
    for i = 1, 5 do out:sample("i=\"" .. i .. "\"", i) end
    out:flush()
    tap.equal(#parts, 3)
    out:step()
    out:step()
    tap.equal(parts[4], "")
    tap.equal(select(2, table.concat(parts):gsub("a{i=\"%d\"} %d\n", "")), 5)
  end },
  { "ends at its cap, with whole histograms only, and counts what it left out", function()
    local out, parts = collect(100, 7)
    out:family("a", "gauge", "A.")
    out:sample("i=\"1\"", 1)
    out:family("h", "histogram", "H.")
    out:histogram("", { 1, 2 }, { 1, 1, 1, seconds = 3 })
    out:histogram("x=\"y\"", { 1, 2 }, { 1, 1, 1, seconds = 3 })
    out:family("b", "gauge", "B.")
    for i = 1, 3 do out:sample("i=\"" .. i .. "\"", i) end
    out:flush()
    tap.equal(out.dropped, 7)
    tap.equal(select(2, parts[1]:gsub("[^\n]+\n", "")), 3 * 2 + 7)
    tap.equal(parts[1]:find("x=", 1, true), nil)
    tap.equal(parts[1]:match("[^\n]*\n$"), "b{i=\"1\"} 1\n")
  end },
}
