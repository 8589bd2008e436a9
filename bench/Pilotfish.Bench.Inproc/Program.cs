using System.Diagnostics;
using System.Globalization;
using Pilotfish.Bench.Inproc;
using Pilotfish.Runtime.Loops;
using Pilotfish.Runtime.Sockets;
using Pilotfish.Runtime.Streams;

// What one request costs in our own code: the whole path from listener to upstream and back over streams in memory, less what the
// same client and backend cost without a proxy between. No kernel in it, so the minimum of many rounds repeats on a busy machine.
// args: rounds, requests per connection and round, connections, virtual hosts; or `tls`, rounds and perhaps `exchange`: what the TLS engines
// cost; or `logs`, rounds, requests and connections: what access logs cost
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

int rounds = Argument(0, 15);
int requests = Argument(1, 400);
int connections = Argument(2, 64);
int hosts = Argument(3, 1);

using var loop = new EventLoop(new EventLoopOptions { Name = "bench" });
using EventLoop.LoopBinding binding = loop.Bind();
ListenSocket backend = ListenSocket.Listen(loop, NetAddress.Loopback(0));
var proxy = new MemoryProxy(loop, new MemoryProxyOptions { Backend = backend.LocalAddress, VirtualHosts = hosts });
byte[][] buffers = [.. Enumerable.Range(0, connections).Select(static _ => new byte[8192])];
var proxied = new List<IByteStream>();
var direct = new List<IByteStream>();
for (int i = 0; i < connections; i++)
{
    proxied.Add(proxy.Connect());
    (IByteStream client, IByteStream server) = MemoryStreamPair.Create(loop, capacityBytes: Exchange.PipeBytes);
    Exchange.Serve(server);
    direct.Add(client);
}

Round(proxied);
Round(direct);
var with = new List<double>();
var without = new List<double>();
long allocated = 0;
for (int round = 0; round < rounds; round++)
{
    without.Add(Round(direct));
    long before = GC.GetAllocatedBytesForCurrentThread();
    with.Add(Round(proxied));
    allocated = GC.GetAllocatedBytesForCurrentThread() - before;
}

with.Sort();
without.Sort();
Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
    $"per request: {with[0] - without[0]:F0} ns in the proxy (least of {rounds} rounds; median {with[rounds / 2] - without[rounds / 2]:F0}), "
    + $"{without[0]:F0} ns in client and backend, {(double)allocated / requests / connections:F1} bytes allocated"));

// Nanoseconds per request.
double Round(List<IByteStream> streams)
{
    long start = Stopwatch.GetTimestamp();
    Task all = Task.WhenAll(streams.Select((stream, i) => Exchange.AskAsync(stream, buffers[i], requests)));
    while (!all.IsCompleted)
    {
        loop.RunOnce(waitMilliseconds: 20);
    }

    all.GetAwaiter().GetResult();
    return Stopwatch.GetElapsedTime(start).TotalNanoseconds / requests / streams.Count;
}

int Argument(int index, int otherwise) => args.Length > index ? int.Parse(args[index], CultureInfo.InvariantCulture) : otherwise;
