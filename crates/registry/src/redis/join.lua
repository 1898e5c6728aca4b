-- ARGV: 6 milliseconds after which a silent member is forgotten. Answers its place in the order of joining.
local keep = now_ms() - tonumber(ARGV[6])
local seen = redis.call('HGETALL', KEYS[4])
put()
for at = 1, #seen, 2 do
  if seen[at] ~= ARGV[1] and (tonumber(seen[at + 1]) or keep) < keep then forget(seen[at]) end
end
tell()
return redis.call('HGET', KEYS[3], ARGV[1])
