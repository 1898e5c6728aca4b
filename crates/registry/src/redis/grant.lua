-- The planned move, the bump and the parking: a new epoch with the world that it goes on from.
-- ARGV: 5 floor, 6 salt, 7 owner ('' for a parked game), 8 epoch of the world, 9 tick, 10 players, 11 bots,
-- 12 world.
local no = refusal()
if no then return no end
local epoch = grant(ARGV[7], ARGV[5], ARGV[6])
restart(ARGV[8], ARGV[9], ARGV[10], ARGV[11], ARGV[12])
tell()
return {'granted', epoch}
