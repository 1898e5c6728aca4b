-- Beginning of the scripts that change a game.
-- KEYS: 1 record, 2 snapshot, 3 log. ARGV: 1 game, 2 channel, 3 and 4 the epoch and the owner ('' none) that are expected.
-- Epochs and ticks are 16 hex digits: Lua's numbers are doubles and would round them. 12 and 8 digits fit.

local function is_hex(text)
  return text and #text == 16 and not string.find(text, '[^0-9a-f]')
end

local function is_number(text, most)
  return text and string.find(text, '^%d+$') and tonumber(text) <= most
end

-- The fields of the record; nothing where there is none, or something else stands in its place: what cannot be read is worth
-- nothing to anybody, and only its owner can put it back. Whatever passes here `record` in step.rs reads.
local function record()
  local held = redis.pcall('HMGET', KEYS[1], 'epoch', 'owner', 'base', 'next', 'reason', 'durable', 'snapshot', 'under', 'rules',
    'name', 'maze', 'players', 'bots', 'attempts', 'failures', 'calm', 'quarantined')
  local epoch, owner, base, next, reason, durable, snapshot, under, rules, name, maze, players, bots, attempts, failures, calm =
    unpack(held, 1, 16)
  local whole = is_hex(epoch) and is_hex(base) and is_hex(durable) and is_hex(snapshot) and is_hex(under)
    and (owner == '' or is_hex(owner))
    and (next == '' or is_hex(next) and reason and (reason == 'move' or string.sub(reason, 1, 5) == 'dead:'))
    and is_number(rules, 65535) and is_number(players, 65535) and is_number(bots, 65535) and is_number(attempts, 255)
    and name and maze and is_number(failures or '0', 255) and (not calm or is_hex(calm))
  return whole and held or nil
end

-- The answer to whoever does not hold what it says; nothing when it does.
local function refusal()
  local held = record()
  if not held then return {'gone'} end
  if held[1] ~= ARGV[3] or held[2] ~= ARGV[4] then return {'stale', held} end
end

local function high(epoch)
  return tonumber(string.sub(epoch, 1, 12), 16)
end

-- A floor of 2^47 or more was never granted; ignored, so that no nonsense can use the epochs up.
local function next_epoch(previous, floor, salt)
  local time = redis.call('TIME')
  local after = math.max(high(previous) + 1, time[1] * 1000 + math.floor(time[2] / 1000))
  if high(floor) < 140737488355328 then after = math.max(after, high(floor) + 1) end
  return string.format('%06x%06x', math.floor(after / 16777216), after % 16777216) .. salt
end

local function grant(owner, floor, salt)
  local before = redis.call('HGET', KEYS[1], 'epoch')
  local epoch = next_epoch(before, floor, salt)
  redis.call('HSET', KEYS[1], 'base', before, 'epoch', epoch, 'owner', owner, 'next', '', 'reason', '')
  return epoch
end

local function later(tick, than)
  local a, b = tonumber(string.sub(tick, 1, 8), 16), tonumber(string.sub(than, 1, 8), 16)
  if a ~= b then return a > b end
  return tonumber(string.sub(tick, 9), 16) > tonumber(string.sub(than, 9), 16)
end

-- So many ticks after that one, as the id of a stream's entry.
local function id(tick, after)
  return string.format('%.0f-%.0f', tonumber(string.sub(tick, 1, 8), 16), tonumber(string.sub(tick, 9), 16) + after)
end

local function calm()
  redis.call('HSET', KEYS[1], 'failures', 0, 'calm', '0000000000000000', 'quarantined', 0)
end

-- The log goes on from that world, or runs beyond it already.
local function store(epoch, tick, players, bots, world)
  redis.call('HSET', KEYS[1], 'snapshot', tick, 'under', epoch, 'players', players, 'bots', bots, 'attempts', 0)
  redis.call('SET', KEYS[2], world)
  local durable, trimmed = redis.call('HGET', KEYS[1], 'durable'), redis.pcall('XTRIM', KEYS[3], 'MINID', id(tick, 1))
  if type(trimmed) == 'table' then
    -- Something else stands in its place.
    redis.call('DEL', KEYS[3])
    durable = nil
  end
  if not durable or not later(durable, tick) then redis.call('HSET', KEYS[1], 'durable', tick) end
  local held = redis.call('HMGET', KEYS[1], 'failures', 'calm')
  if held[1] and held[1] ~= '0' and not later(held[2], tick) then calm() end
end

-- From now on the game is this world, whatever was logged.
local function restart(epoch, tick, players, bots, world)
  redis.call('HDEL', KEYS[1], 'durable')
  redis.call('DEL', KEYS[3])
  store(epoch, tick, players, bots, world)
end

-- A hint only, and sent when all is written: that it may not be sent must not undo the answer.
local function tell()
  redis.pcall('PUBLISH', ARGV[2], ARGV[1])
end
