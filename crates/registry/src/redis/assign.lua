-- ARGV: 5 next, 6 reason.
local no = refusal()
if no then return no end
redis.call('HSET', KEYS[1], 'next', ARGV[5], 'reason', ARGV[6])
tell()
return {'done'}
