using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Pilotfish.EndToEnd.Faults;

namespace Pilotfish.EndToEnd.Overload;

/// <summary>
/// Thousands of clients that send a part of a request and then nothing: the process stays below its memory limit and goes on
/// answering those that finish their requests.
/// </summary>
[Collection(MeasuredCollection.Name)]
public sealed class SlowPeersTests
{
    private const int PeersInShortForm = 2_000;
    private const int PeersInLongForm = 10_000;

    /// <summary>Of one request's head: as much as a connection may hold before the whole of it must be there.</summary>
    private const int BytesPerPeer = 40_000;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task SlowPeers_Thousands_StayBelowTheMemoryLimitAndHealthyOnesAreServed()
    {
        bool isLong = Environment.GetEnvironmentVariable("PILOTFISH_SOAK_SECONDS") is not null;
        int peers = isLong ? PeersInLongForm : PeersInShortForm;
        long idle;
        using (ServeProcess probe = await ServeProcess.StartAsync(Bootstrap(1L << 40)))
        {
            await AskAsync(await probe.ListenerAsync("http"));
            idle = Resident(probe.Id);
        }

        // Far less than the peers could make it hold.
        long limit = idle + (long)peers * BytesPerPeer / 4;
        using ServeProcess serve = await ServeProcess.StartAsync(Bootstrap(limit));
        IPEndPoint address = await serve.ListenerAsync("http");
        using var healthy = new TcpClient();
        await healthy.ConnectAsync(address, Stop);
        var slow = new List<Socket>();
        try
        {
            byte[] part = Encoding.ASCII.GetBytes("GET / HTTP/1.1\r\nhost: a\r\nx-slow: " + new string('a', BytesPerPeer));
            for (int i = 0; i < peers; i++)
            {
                var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { Blocking = false };
                slow.Add(socket);
                try
                {
                    await socket.ConnectAsync(address, Stop);
                    socket.Send(part, SocketFlags.None, out _);
                }
                catch (SocketException)
                {
                    // Refused or closed by the overload manager: that is its office.
                }

                if (i % 100 == 0)
                {
                    Assert.Equal("HTTP/1.1 200", await ExchangeAsync(healthy.GetStream()));
                }
            }

            for (int i = 0; i < 10; i++)
            {
                Assert.Equal("HTTP/1.1 200", await ExchangeAsync(healthy.GetStream()));
                await serve.StatAsync("overload.heap.pressure");
            }

            Assert.False(serve.HasExited);
            Assert.InRange(Peak(serve.Id), 1, limit);

            // The slow ones are ended by the shortened time-outs, and newcomers get in again.
            Assert.Equal("HTTP/1.1 200", await PatientlyAskAsync(address));
        }
        finally
        {
            slow.ForEach(static socket => socket.Dispose());
        }
    }

    private static string Bootstrap(long limit) => string.Create(CultureInfo.InvariantCulture, $$$"""
        overload_manager:
          refresh_interval: 0.01s
          resource_monitors:
          - name: heap
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.resource_monitors.fixed_heap.v3.FixedHeapConfig
              max_heap_size_bytes: {{{limit}}}
          actions:
          - name: envoy.overload_actions.reduce_timeouts
            triggers: [{name: heap, scaled: {scaling_threshold: 0.5, saturation_threshold: 0.7}}]
            typed_config:
              "@type": type.googleapis.com/envoy.config.overload.v3.ScaleTimersOverloadActionConfig
              timer_scale_factors: [{timer: HTTP_DOWNSTREAM_CONNECTION_IDLE, min_timeout: 2s}]
          - name: envoy.overload_actions.shrink_heap
            triggers: [{name: heap, threshold: {value: 0.7}}]
          - name: envoy.overload_actions.reject_incoming_connections
            triggers: [{name: heap, threshold: {value: 0.8}}]
        static_resources:
          listeners:
          - name: http
            address: {socket_address: {address: 127.0.0.1, port_value: 0}}
            filter_chains:
            - filters:
              - name: hcm
                typed_config:
                  "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
                  stat_prefix: h
                  http_filters:
                  - name: router
                    typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}
                  route_config:
                    virtual_hosts:
                    - name: v
                      domains: ["*"]
                      routes:
                      - match: {prefix: /}
                        direct_response: {status: 200, body: {inline_string: ok}}
        """);

    private static async Task<string> AskAsync(IPEndPoint address)
    {
        using var client = new TcpClient();
        await client.ConnectAsync(address, Stop);
        return await ExchangeAsync(client.GetStream());
    }

    private static async Task<string> PatientlyAskAsync(IPEndPoint address)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(Stop);
        limit.CancelAfter(TimeSpan.FromSeconds(60));
        while (true)
        {
            limit.Token.ThrowIfCancellationRequested();
            try
            {
                string status = await AskAsync(address);
                if (status.Length > 0)
                {
                    return status;
                }
            }
            catch (Exception e) when (e is SocketException or IOException)
            {
                // Still under pressure.
            }
        }
    }

    private static async Task<string> ExchangeAsync(NetworkStream stream)
    {
        await stream.WriteAsync("GET / HTTP/1.1\r\nhost: a\r\n\r\n"u8.ToArray(), Stop);
        byte[] buffer = new byte[4096];
        int count = await stream.ReadAsync(buffer, Stop);
        return Encoding.ASCII.GetString(buffer, 0, Math.Min(12, count));
    }

    private static long Resident(int process) => Status(process, "VmRSS:");

    private static long Peak(int process) => Status(process, "VmHWM:");

    private static long Status(int process, string field)
    {
        string line = File.ReadLines($"/proc/{process}/status").First(text => text.StartsWith(field, StringComparison.Ordinal));
        return long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture) * 1024;
    }
}
