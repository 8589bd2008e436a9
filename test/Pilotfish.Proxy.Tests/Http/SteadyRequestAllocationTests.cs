using System.Text;
using Envoy.Config.Accesslog.V3;
using Envoy.Config.Core.V3;
using Envoy.Extensions.AccessLoggers.File.V3;
using Envoy.Extensions.AccessLoggers.Filters.Cel.V3;
using Google.Protobuf.WellKnownTypes;
using Pilotfish.Proxy.AccessLogs;
using Pilotfish.Runtime.Diagnostics;
using Pilotfish.Runtime.Loops;
using Pilotfish.Runtime.Sockets;
using Pilotfish.Runtime.Streams;
using Pilotfish.Testing;

namespace Pilotfish.Proxy.Tests.Http;

/// <summary>The budget of the hot path: a request on warm connections allocates nothing, in the proxy or anywhere on its loop.</summary>
public sealed class SteadyRequestAllocationTests
{
    private const int WarmUpRequests = 300;
    private const int RequestsPerRound = 500;

    private static readonly byte[] s_request = Encoding.ASCII.GetBytes(
        "GET /index.html?a=b HTTP/1.1\r\nHost: service.example.com\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64)\r\n" +
        "Accept: text/html,*/*;q=0.8\r\nAccept-Encoding: gzip, br\r\nCookie: session=0f2b8c54a1d94e7c\r\n\r\n");

    private static readonly byte[] s_response = Encoding.ASCII.GetBytes(
        "HTTP/1.1 200 OK\r\nServer: backend\r\nContent-Type: text/html\r\nContent-Length: 1024\r\n\r\n" + new string('x', 1024));

    [Theory]
    [InlineData("no log")]
    [InlineData("text")]
    [InlineData("JSON")]
    [InlineData("CEL filter that never holds")]
    [InlineData("CEL filter that holds")]
    [InlineData("upstream log")]
    [InlineData("no log, with on_demand and VHDS")]
    public void Request_KeepAliveBothSides_AllocatesNothing(string log) => LoopRunner.Run(async loop =>
    {
        using var files = new AccessLogFiles(new FileWriterOptions());
        var proxy = new ProxyBench(loop, files);
        ListenSocket upstream = ListenSocket.Listen(loop, NetAddress.Loopback(0));
        ListenSocket front = ListenSocket.Listen(loop, NetAddress.Loopback(0));
        proxy.AddCluster("backend", upstream.LocalAddress);
        proxy.Context.Extensions.Register<Pilotfish.Proxy.Http.IHttpFilterFactory>(new Pilotfish.Proxy.Filters.OnDemand.OnDemandFilterFactory());
        // The recording filter of other tests allocates by design; here only the router serves.
        proxy.Serve(hcm =>
        {
            // What the bench records would count.
            hcm.HttpFilters.RemoveAt(0);
            hcm.AccessLog.Clear();
            if (log == "no log, with on_demand and VHDS")
            {
                hcm.HttpFilters.Insert(0, ProxyBench.Filter("on_demand", new Envoy.Extensions.Filters.Http.OnDemand.V3.OnDemand()));
                hcm.RouteConfig.Vhds = new() { ConfigSource = new ConfigSource { Ads = new AggregatedConfigSource() } };
            }
            else if (log == "upstream log")
            {
                hcm.HttpFilters[0] = ProxyBench.Filter("router", new Envoy.Extensions.Filters.Http.Router.V3.Router
                {
                    UpstreamLog = { Logger(log) },
                    UpstreamLogOptions = new() { FlushUpstreamLogOnUpstreamStream = true, UpstreamLogFlushInterval = new Duration { Seconds = 60 } },
                });
            }
            else if (log != "no log")
            {
                hcm.AccessLog.Add(Logger(log));
            }
        });
        Task answering = Answer(upstream);
        SocketStream client = SocketStream.Create(loop);
        Assert.Equal(IoError.None, await client.ConnectAsync(front.LocalAddress));
        proxy.Accept((await front.AcceptAsync()).Stream!);

        Assert.Equal(0, await AskAsync(client));

        client.Close();
        upstream.Close();
        front.Close();
        await loop.YieldAsync();
    });

    // Istio's fields; the writer thread's own work is not the request's.
    private static AccessLog Logger(string kind)
    {
        string[] operators =
        [
            "START_TIME", "REQ(:METHOD)", "REQ(X-ENVOY-ORIGINAL-PATH?:PATH)", "PROTOCOL", "RESPONSE_CODE", "RESPONSE_FLAGS", "RESPONSE_CODE_DETAILS",
            "CONNECTION_TERMINATION_DETAILS", "UPSTREAM_TRANSPORT_FAILURE_REASON", "BYTES_RECEIVED", "BYTES_SENT", "DURATION",
            "RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)", "REQ(X-FORWARDED-FOR)", "REQ(USER-AGENT)", "REQ(X-REQUEST-ID)", "REQ(:AUTHORITY)", "UPSTREAM_HOST",
            "UPSTREAM_CLUSTER_RAW", "UPSTREAM_LOCAL_ADDRESS", "DOWNSTREAM_LOCAL_ADDRESS", "DOWNSTREAM_REMOTE_ADDRESS", "REQUESTED_SERVER_NAME",
            "ROUTE_NAME",
        ];
        var file = new FileAccessLog { Path = "/dev/null", LogFormat = new SubstitutionFormatString() };
        if (kind == "JSON")
        {
            file.LogFormat.JsonFormat = new Struct();
            foreach (string name in operators)
            {
                file.LogFormat.JsonFormat.Fields[name] = Value.ForString($"%{name}%");
            }
        }
        else
        {
            file.LogFormat.TextFormatSource = new DataSource { InlineString = $"%{string.Join("% %", operators)}%\n" };
        }

        var logger = new AccessLog { Name = "file", TypedConfig = Any.Pack(file) };
        if (kind.StartsWith("CEL", StringComparison.Ordinal))
        {
            string last = kind.EndsWith("never holds", StringComparison.Ordinal) ? "/never" : "/index";
            logger.Filter = new Envoy.Config.Accesslog.V3.AccessLogFilter
            {
                ExtensionFilter = new ExtensionFilter
                {
                    Name = "cel",
                    TypedConfig = Any.Pack(new ExpressionFilter { Expression = $"response.code >= 500 || request.url_path.startsWith('{last}')" }),
                },
            };
        }

        return logger;
    }

    /// <summary>Bytes allocated on this thread by a round of requests.</summary>
    private static async Task<long> AskAsync(SocketStream client)
    {
        byte[] buffer = new byte[8192];
        var meter = new AllocationMeter();
        for (int i = 0; meter.WantsMore; i++)
        {
            if (i >= WarmUpRequests && (i - WarmUpRequests) % RequestsPerRound == 0)
            {
                meter.Mark();
            }

            await client.SendAsync(s_request);
            int got = 0;
            while (got < 1024 || !buffer.AsSpan(0, got).EndsWith("xxxx"u8))
            {
                IoResult result = await client.ReceiveAsync(buffer.AsMemory(got));
                Assert.True(result.IsOk && !result.IsEnd, "The proxy closed a keep-alive connection.");
                got += result.Bytes;
            }
        }

        return meter.Least;
    }

    private static async Task Answer(ListenSocket upstream)
    {
        byte[] buffer = new byte[8192];
        SocketStream stream = (await upstream.AcceptAsync()).Stream!;
        int got = 0;
        while (true)
        {
            IoResult result = await stream.ReceiveAsync(buffer.AsMemory(got));
            if (!result.IsOk || result.IsEnd)
            {
                stream.Close();
                return;
            }

            got += result.Bytes;
            if (buffer.AsSpan(0, got).EndsWith("\r\n\r\n"u8))
            {
                got = 0;
                await stream.SendAsync(s_response);
            }
        }
    }
}
