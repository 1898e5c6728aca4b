-- ARGV: 5 epoch of the world, 6 tick, 7 players, 8 bots, 9 world. Tells only where the number of people or bots changed.
local no = refusal()
if no then return no end
local held = redis.call('HMGET', KEYS[1], 'snapshot', 'players', 'bots')
if later(ARGV[6], held[1]) then
  store(ARGV[5], ARGV[6], ARGV[7], ARGV[8], ARGV[9])
  if held[2] ~= ARGV[7] or held[3] ~= ARGV[8] then tell() end
end
return {'done'}
