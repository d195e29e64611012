// Loaded by mocha before dynalite's tests, in its checkout: puts a forwarder in the place of the
// server that they start. Bytes go to the endpoint as they come, and the tests stay as they are.
// Their signatures are made for DynamoDB, as AWS asks: a loopback host does not say so by itself.
'use strict'

const Module = require('node:module')
const net = require('node:net')
const path = require('node:path')

const endpoint = new URL(process.env.CONFORMANCE_ENDPOINT)
const server_module = require.resolve(path.resolve('index.js'))
const load = Module._load

Module._load = function (request, parent, isMain) {
  if (Module._resolveFilename(request, parent, isMain) === server_module) return forwarder
  return load.apply(this, arguments)
}

function forwarder () {
  return net.createServer({ allowHalfOpen: true }, function (client) {
    const server = net.connect({
      host: endpoint.hostname,
      port: Number(endpoint.port),
      allowHalfOpen: true,
    })
    client.pipe(server).pipe(client)
    client.on('error', () => server.destroy())
    server.on('error', () => client.destroy())
  })
}

const aws4 = require(path.resolve('node_modules', 'aws4'))
const sign = aws4.sign

aws4.sign = function (request, credentials) {
  return sign(Object.assign(request, { service: 'dynamodb' }), credentials)
}

// A test may ask for many things at once and fail at the first answer. What comes later must not
// count against the test that runs by then.
const http = require('node:http')
const send = http.request
let test = null

exports.mochaHooks = {
  beforeEach () {
    test = this.currentTest
  },
}

http.request = function (options, callback) {
  const asked_by = test
  return send(options, function (response) {
    const on = response.on
    response.on = function (event, listener) {
      return on.call(response, event, function (...values) {
        try {
          listener.apply(response, values)
        }
        catch (error) {
          if (test === asked_by) throw error
        }
      })
    }
    callback(response)
  })
}
