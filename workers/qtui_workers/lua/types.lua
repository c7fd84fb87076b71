-- Whether keys have the type that a command needs: a script that fails half way is not undone.

local types = {}

-- whether a key is of that type, or does not exist; the type of each key is read once
local function fits(key, wanted)
  if types[key] == nil then
    types[key] = redis.call('TYPE', key).ok
  end
  return types[key] == wanted or types[key] == 'none'
end
