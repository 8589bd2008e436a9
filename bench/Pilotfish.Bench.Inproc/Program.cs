using System.Globalization;
using Pilotfish.Bench.Inproc;
using Pilotfish.Runtime.Loops;
using Pilotfish.Runtime.Sockets;
using Pilotfish.Runtime.Streams;

// What one request costs in our own code: the whole path from listener to upstream and back over streams in memory, less what the
// same client and backend cost without a proxy between. No kernel in it, so the minimum of many rounds repeats on a busy machine.
// args: rounds, requests per connection and round, connections, virtual hosts; or `routes`, the same with other routes instead of hosts and their
// kind (prefix, regex, header); or `headers`, the same with how many more of them; or `h2` or `grpc`, with streams per connection; or `tls`, rounds and
// perhaps `exchange`: what the TLS engines cost; or `logs`, rounds, requests and connections: what access logs cost
if (args is ["tls", ..])
{
    using var tlsLoop = new EventLoop(new EventLoopOptions { Name = "bench" });
    using EventLoop.LoopBinding tlsBinding = tlsLoop.Bind();
    new TlsCosts(tlsLoop).Run(Argument(1, 20), args.Length > 2 ? args[2] : null);
    return;
}

if (args is ["logs", ..])
{
    using var logLoop = new EventLoop(new EventLoopOptions { Name = "bench" });
    using EventLoop.LoopBinding logBinding = logLoop.Bind();
    using var logs = new LogCost(logLoop, Argument(1, 500), Argument(2, 6), Argument(3, 64));
    logs.MeasureCost();
    logs.MeasureStall();
    return;
}

// A mode's name may stand before the numbers: `h2` and `grpc` with the streams of a connection, `routes` with how many others and of which kind,
// `headers` with how many more a request has.
string mode = args is ["h2" or "grpc" or "routes" or "headers", ..] ? args[0] : "";
int first = mode.Length > 0 ? 1 : 0;
int rounds = Argument(first, 15);
int requests = Argument(first + 1, 400);
int connections = Argument(first + 2, mode is "h2" or "grpc" ? 16 : 64);

using var loop = new EventLoop(new EventLoopOptions { Name = "bench" });
using EventLoop.LoopBinding binding = loop.Bind();
ListenSocket backend = ListenSocket.Listen(loop, NetAddress.Loopback(0));
var proxied = new List<Func<int, Task>>();
var direct = new List<Func<int, Task>>();
if (mode is "h2" or "grpc")
{
    AddHttp2Clients(Argument(first + 3, 8), mode == "grpc");
}
else
{
    AddHttp1Clients(new MemoryProxyOptions
    {
        Backend = backend.LocalAddress,
        VirtualHosts = mode.Length > 0 ? 1 : Argument(first + 3, 1),
        OtherRoutes = mode == "routes" ? Argument(first + 3, 1000) : 0,
        OtherKind = args.Length > 5 ? args[5] : "prefix",
    });
}

new RequestCost(loop, rounds, requests).Measure(proxied, direct);

void AddHttp1Clients(MemoryProxyOptions options)
{
    var proxy = new MemoryProxy(loop, options);
    byte[] request = Exchange.Request(mode == "headers" ? Argument(first + 3, 80) : 0);
    for (int i = 0; i < connections; i++)
    {
        byte[] buffer = new byte[8192];
        IByteStream toProxy = proxy.Connect();
        proxied.Add(count => Exchange.AskAsync(toProxy, buffer, count, request: request));
        (IByteStream client, IByteStream server) = MemoryStreamPair.Create(loop, capacityBytes: Exchange.PipeBytes);
        Exchange.Serve(server);
        direct.Add(count => Exchange.AskAsync(client, buffer, count, request: request));
    }
}

// The direct ones speak HTTP/2 to the backend; behind the proxy it speaks HTTP/1.1, or HTTP/2 for gRPC.
void AddHttp2Clients(int streams, bool grpc)
{
    Action<IByteStream> serve = Http2Exchange.Backend(grpc);
    var options = new MemoryProxyOptions { Backend = backend.LocalAddress, PipeBytes = Http2Exchange.PipeBytes };
    var proxy = new MemoryProxy(loop, grpc ? options with { Serve = serve, Http2Upstream = true } : options);
    for (int i = 0; i < connections; i++)
    {
        proxied.Add(new Http2Exchange(proxy.Connect(), streams, grpc).AskAsync);
        (IByteStream client, IByteStream server) = MemoryStreamPair.Create(loop, capacityBytes: Http2Exchange.PipeBytes);
        serve(server);
        direct.Add(new Http2Exchange(client, streams, grpc).AskAsync);
    }
}

int Argument(int index, int otherwise) => args.Length > index ? int.Parse(args[index], CultureInfo.InvariantCulture) : otherwise;
