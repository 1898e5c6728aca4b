-- ARGV: 5 floor, 6 salt.
local no = refusal()
if no then return no end
grant('', ARGV[5], ARGV[6])
calm()
tell()
return {'game', record()}
