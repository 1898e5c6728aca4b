-- ARGV: 5 tick, 6 players, 7 world.
local no = refusal()
if no then return no end
if later(ARGV[5], redis.call('HGET', KEYS[1], 'snapshot')) then store(ARGV[5], ARGV[6], ARGV[7]) end
return {'done'}
