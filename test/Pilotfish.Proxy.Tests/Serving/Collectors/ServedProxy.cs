using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Envoy.Config.Bootstrap.V3;
using Pilotfish.Api.Messages;
using Pilotfish.Api.Yaml;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Stats;
using Pilotfish.Runtime.Loops;
using Pilotfish.Runtime.Sockets;
using Pilotfish.Testing;
using Xunit;

namespace Pilotfish.Proxy.Tests.Serving.Collectors;

/// <summary>A whole data plane with a worker and a main loop of their own, beside the test's threads.</summary>
internal sealed class ServedProxy : IDisposable
{

    private readonly EventLoop _loop = new(new EventLoopOptions { Name = "main" });
    private readonly Thread _thread;
    private readonly ManualResetEventSlim _started = new();
    private ProxyApp? _app;
    private Exception? _failure;

    public ServedProxy(string yaml)
    {
        _thread = new Thread(() => Run(yaml)) { IsBackground = true };
        _thread.Start();
        Assert.True(_started.Wait(Patience.Limit), "The proxy did not start.");
        if (_failure is not null)
        {
            throw new InvalidOperationException("The proxy did not start.", _failure);
        }
    }

    /// <summary>Where a listener accepts; waits until it does.</summary>
    public async Task<IPEndPoint> ListenerAsync(string name)
    {
        NetAddress address = default;
        await UntilAsync(async () =>
        {
            var found = new TaskCompletionSource<NetAddress>(TaskCreationOptions.RunContinuationsAsynchronously);
            _loop.Post(_ => found.SetResult(_app!.Listeners.BoundAddresses(name) is [var first, ..] ? first : default), null);
            address = await found.Task;
            return !address.IsNone;
        });
        return new IPEndPoint(address.ToIPAddress(), address.Port);
    }

    public long Counter(string name)
    {
        int dot = name.LastIndexOf('.');
        using StatScope scope = _app!.Stats.Scope(name[..dot]);
        return _app.Stats.Value(scope.Counter(name[(dot + 1)..]));
    }

    public long Gauge(string name)
    {
        int dot = name.LastIndexOf('.');
        using StatScope scope = _app!.Stats.Scope(name[..dot]);
        return _app.Stats.Value(scope.Gauge(name[(dot + 1)..]));
    }

    /// <summary>Sends many requests over a few connections, each batch in one write, and counts the answers.</summary>
    public async Task LoadAsync(int requests)
    {
        const int Connections = 4;
        const int Pipelined = 50;
        IPEndPoint address = await ListenerAsync("http");
        byte[] request = "GET /load HTTP/1.1\r\nHost: a\r\nUser-Agent: load\r\n\r\n"u8.ToArray();
        byte[] batch = [.. Enumerable.Repeat(request, Pipelined).SelectMany(static b => b)];
        await Task.WhenAll(Enumerable.Range(0, Connections).Select(async _ =>
        {
            using var client = new TcpClient();
            await client.ConnectAsync(address);
            NetworkStream stream = client.GetStream();
            byte[] buffer = new byte[64 * 1024];

            // All answers are equally long: the first tells how long.
            await stream.WriteAsync(request);
            int answer = 0;
            while (answer == 0 || !buffer.AsSpan(0, answer).EndsWith("\r\n\r\nok"u8))
            {
                answer += await stream.ReadAsync(buffer.AsMemory(answer));
            }

            Assert.StartsWith("HTTP/1.1 200 OK\r\n", Encoding.ASCII.GetString(buffer, 0, answer));
            for (int left = (requests / Connections) - 1; left > 0; left -= Pipelined)
            {
                int count = Math.Min(left, Pipelined);
                await stream.WriteAsync(batch.AsMemory(0, count * request.Length));
                for (int bytes = count * answer; bytes > 0;)
                {
                    int read = await stream.ReadAsync(buffer);
                    Assert.True(read > 0 && read <= bytes, "An answer was missing or longer than the first.");
                    bytes -= read;
                }
            }
        }));
    }

    public static async Task UntilAsync(Func<Task<bool>> condition)
    {
        long began = Stopwatch.GetTimestamp();
        while (!await condition())
        {
            Assert.True(Stopwatch.GetElapsedTime(began) < Patience.Limit, "What was waited for did not happen.");
            await Task.Delay(TimeSpan.FromMilliseconds(10), TestContext.Current.CancellationToken);
        }
    }

    public static Task UntilAsync(Func<bool> condition) => UntilAsync(() => Task.FromResult(condition()));

    /// <summary>Ends as a process does at SIGTERM.</summary>
    public void Dispose()
    {
        _loop.PostStop();
        Assert.True(_thread.Join(Patience.Limit), "The proxy did not end.");
        _loop.Dispose();
        _started.Dispose();
    }

    private void Run(string yaml)
    {
        try
        {
            using (_loop.Bind())
            {
                _app = ProxyApp.Build(new ProxyInputs
                {
                    Options = new ServeOptions { Concurrency = 1 },
                    Bootstrap = MessageReader.Read<Bootstrap>(YamlDocuments.Parse(Encoding.UTF8.GetBytes(yaml), "b.yaml").Documents[0]).Message!,
                    MainLoop = _loop,
                });
                _app.Start();
            }
        }
        catch (Exception e)
        {
            _failure = e;
            _started.Set();
            return;
        }

        _started.Set();
        _loop.Run();
        using (_loop.Bind())
        {
            _app.Dispose();
        }
    }
}
