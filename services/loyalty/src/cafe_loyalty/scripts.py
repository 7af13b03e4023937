"""The atomic steps in MemoryDB. Run by `points.py`, `positions.py`, `promotions.py` and `lease.py`.

Each runs whole or not at all, and all its keys lie in one slot: those of a customer share the tag
`{customer}`, so the scripts run on a cluster as on a single server. Amounts are integers below
2^53, which Lua keeps exactly.
"""

GRANT = """
-- KEYS: account, grants by order, history. ARGV: order, points, grant as JSON
if redis.call('HEXISTS', KEYS[2], ARGV[1]) == 1 then return 0 end
-- the sum that could overflow comes first: a script that fails keeps what it wrote before
redis.call('HINCRBY', KEYS[1], 'granted', ARGV[2])
local balance = redis.call('HINCRBY', KEYS[1], 'balance', ARGV[2])
redis.call('HSET', KEYS[2], ARGV[1], ARGV[3])
redis.call('RPUSH', KEYS[3], balance .. ' ' .. ARGV[3])
return 1
"""

REDEEM = """
-- KEYS: account, redemptions by key, history. ARGV: key, points, redemption as JSON, digest
local known = redis.call('HGET', KEYS[2], ARGV[1])
if known then return {'known', known} end
local balance = tonumber(redis.call('HGET', KEYS[1], 'balance') or '0')
if balance < tonumber(ARGV[2]) then return {'short', tostring(balance)} end
balance = redis.call('HINCRBY', KEYS[1], 'balance', '-' .. ARGV[2])
redis.call('HINCRBY', KEYS[1], 'redeemed', ARGV[2])
local entry = balance .. ' ' .. ARGV[3]
redis.call('RPUSH', KEYS[3], entry)
redis.call('HSET', KEYS[2], ARGV[1], ARGV[4] .. ' ' .. entry)
return {'made', ARGV[4] .. ' ' .. entry}
"""

HISTORY = """
-- KEYS: account, history. ARGV: before or '', how many
local gone = tonumber(redis.call('HGET', KEYS[1], 'forgotten') or '0')
local ends = tonumber(ARGV[1]) or gone + redis.call('LLEN', KEYS[2])
local first = math.max(gone, ends - tonumber(ARGV[2]))
if first >= ends then return {0, {}} end
-- where nothing older is left, there is no next page
local entries = redis.call('LRANGE', KEYS[2], first - gone, ends - 1 - gone)
return {first > gone and first or 0, entries}
"""

FORGET = """
-- KEYS: account, grants by order, redemptions by key, history. ARGV: hour before which all is old,
-- how many entries at most, orders
for at = 3, #ARGV do redis.call('HDEL', KEYS[2], ARGV[at]) end
for _ = 1, tonumber(ARGV[2]) do
    local oldest = redis.call('LINDEX', KEYS[4], 0)
    if not oldest then return end
    local entry = cjson.decode(string.match(oldest, '^%S+ (.*)$'))
    if (entry.placedAt or entry.at) >= ARGV[1] then return end
    redis.call('LPOP', KEYS[4])
    redis.call('HINCRBY', KEYS[1], 'forgotten', 1)
    if entry.key then redis.call('HDEL', KEYS[3], entry.key) end
end
"""

ADVANCE = """
-- KEYS: positions by shard. ARGV: shard, before or '', after
local known = redis.call('HGET', KEYS[1], ARGV[1])
local anew = ARGV[2] == '' and known == 'SHARD_END'
if known and known ~= ARGV[2] and not anew then return known == ARGV[3] and 1 or 0 end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
return 1
"""

PUT_PROMOTION = """
-- KEYS: promotions by name. ARGV: name, promotion as JSON, how many there may be
local new = redis.call('HEXISTS', KEYS[1], ARGV[1]) == 0
if new and redis.call('HLEN', KEYS[1]) >= tonumber(ARGV[3]) then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
return 1
"""

RENEW = """
-- KEYS: lease. ARGV: holder, milliseconds
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])
"""

RELEASE = """
-- KEYS: lease. ARGV: holder
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])
"""
