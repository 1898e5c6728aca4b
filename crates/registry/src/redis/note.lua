-- KEYS: 1 tallies, 2 tallies since the target revision, 3 last notes, 4 moves that are known.
-- ARGV: 1 milliseconds after which all of it expires, 2 notes to keep, 3 moves to know, 4 causes to count apart, 5 the cause
-- of all others; then for each move 5: game and epoch, cause, pause, milliseconds since, note (JSON).
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

-- What is of another type, and numbers that are none, are worth nothing.
local function drop_other(key, answer)
  if type(answer) == 'table' and answer.err then redis.call('DEL', key) end
end

drop_other(KEYS[1], redis.pcall('HLEN', KEYS[1]))
drop_other(KEYS[2], redis.pcall('HLEN', KEYS[2]))
drop_other(KEYS[3], redis.pcall('LRANGE', KEYS[3], 0, 0))
drop_other(KEYS[4], redis.pcall('ZSCORE', KEYS[4], ''))

local function count(key, field)
  local number = redis.pcall('HINCRBY', key, field, 1)
  if type(number) ~= 'table' then return number end
  redis.call('HSET', key, field, 1)
  return 1
end

local function tally(key, cause, pause)
  count(key, 'count:' .. cause)
  local worst = tonumber(redis.call('HGET', key, 'worst:' .. cause))
  if not worst or worst < tonumber(pause) then redis.call('HSET', key, 'worst:' .. cause, pause) end
end

for at = 6, #ARGV, 5 do
  local move, cause, pause = ARGV[at], ARGV[at + 1], ARGV[at + 2]
  if not redis.call('ZSCORE', KEYS[4], move) then
    redis.call('ZADD', KEYS[4], count(KEYS[1], 'noted'), move)
    local causes = (redis.call('HLEN', KEYS[1]) - 1) / 2
    if causes >= tonumber(ARGV[4]) and redis.call('HEXISTS', KEYS[1], 'count:' .. cause) == 0 then cause = ARGV[5] end
    tally(KEYS[1], cause, pause)
    tally(KEYS[2], cause, pause)
    local when = math.max(now - tonumber(ARGV[at + 3]), 0)
    redis.call('LPUSH', KEYS[3], string.format('%.0f ', when) .. ARGV[at + 4])
  end
end
redis.call('LTRIM', KEYS[3], 0, ARGV[2] - 1)
redis.call('ZREMRANGEBYRANK', KEYS[4], 0, -1 - ARGV[3])
for key = 1, 4 do redis.call('PEXPIRE', KEYS[key], ARGV[1]) end
return 1
