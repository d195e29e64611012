-- Requests for wrk: one operation, named by the argument behind "--", on random keys.
local operation = "PutItem"
local put_table = "items"
local headers = {}
local padding = string.rep("x", 850)
local keys = 4000
local partitions = 20
local count = 0

local bodies = {
  PutItem = function()
    return string.format(
      '{"TableName":"%s","Item":{"id":{"S":"item#%06d"},"text":{"S":"%s"},"n":{"N":"%d"}}}',
      put_table, math.random(keys), padding, count)
  end,
  UpdateItem = function()
    return string.format(
      '{"TableName":"items","Key":{"id":{"S":"item#%06d"}},"UpdateExpression":"SET n = :n, #t = :t",' ..
      '"ExpressionAttributeNames":{"#t":"text"},' ..
      '"ExpressionAttributeValues":{":n":{"N":"%d"},":t":{"S":"%s"}}}',
      math.random(keys), count, padding)
  end,
  GetItem = function()
    return string.format(
      '{"TableName":"items","Key":{"id":{"S":"item#%06d"}}}', math.random(keys))
  end,
  Query = function()
    return string.format(
      '{"TableName":"lists","KeyConditionExpression":"id = :i",' ..
      '"ExpressionAttributeValues":{":i":{"S":"list#%d"}},"Limit":100}', math.random(partitions))
  end,
}

function init(arguments)
  operation = arguments[1] or operation
  math.randomseed(tonumber(arguments[2] or "1"))
  put_table = arguments[3] or put_table
  headers = {
    ["Content-Type"] = "application/x-amz-json-1.0",
    ["X-Amz-Target"] = "DynamoDB_20120810." .. operation,
    ["X-Amz-Date"] = "20260101T000000Z",
    ["Authorization"] = "AWS4-HMAC-SHA256 Credential=bench/20260101/us-east-1/dynamodb/aws4_request, " ..
      "SignedHeaders=host;x-amz-date;x-amz-target, Signature=0",
  }
end

function request()
  count = count + 1
  return wrk.format("POST", "/", headers, bodies[operation]())
end
