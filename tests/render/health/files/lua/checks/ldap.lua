return { check = function() return true end }
