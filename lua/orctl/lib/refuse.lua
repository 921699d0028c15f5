-- How a phase before the balancer's answers with an error: the status travels in a variable to the
-- error page, which is a location of its own and knows no more.
local var = ngx.var

--- Ends the current request with this status; true, for policies.
return function(status)
  var.orctl_error = status
  ngx.exit(status)
  return true
end
