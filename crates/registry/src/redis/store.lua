-- ARGV: 5 tick, 6 players, 7 bots, 8 world. Tells only where the number of people or bots changed.
local no = refusal()
if no then return no end
local held = redis.call('HMGET', KEYS[1], 'snapshot', 'players', 'bots')
if later(ARGV[5], held[1]) then
  store(ARGV[5], ARGV[6], ARGV[7], ARGV[8])
  if held[2] ~= ARGV[6] or held[3] ~= ARGV[7] then tell() end
end
return {'done'}
