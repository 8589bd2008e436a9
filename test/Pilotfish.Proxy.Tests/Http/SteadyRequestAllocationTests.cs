using System.Text;
using Pilotfish.Runtime.Loops;
using Pilotfish.Runtime.Sockets;
using Pilotfish.Runtime.Streams;
using Pilotfish.Testing;

namespace Pilotfish.Proxy.Tests.Http;

/// <summary>The budget of the hot path: a request on warm connections allocates nothing, in the proxy or anywhere on its loop.</summary>
public sealed class SteadyRequestAllocationTests
{
    private const int WarmUpRequests = 300;
    private const int MeasuredRequests = 2000;

    private static readonly byte[] s_request = Encoding.ASCII.GetBytes(
        "GET /index.html?a=b HTTP/1.1\r\nHost: service.example.com\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64)\r\n" +
        "Accept: text/html,*/*;q=0.8\r\nAccept-Encoding: gzip, br\r\nCookie: session=0f2b8c54a1d94e7c\r\n\r\n");

    private static readonly byte[] s_response = Encoding.ASCII.GetBytes(
        "HTTP/1.1 200 OK\r\nServer: backend\r\nContent-Type: text/html\r\nContent-Length: 1024\r\n\r\n" + new string('x', 1024));

    [Fact]
    public void Request_KeepAliveBothSides_AllocatesNothing() => LoopRunner.Run(async loop =>
    {
        var proxy = new ProxyBench(loop);
        ListenSocket upstream = ListenSocket.Listen(loop, NetAddress.Loopback(0));
        ListenSocket front = ListenSocket.Listen(loop, NetAddress.Loopback(0));
        proxy.AddCluster("backend", upstream.LocalAddress);
        // The recording filter of other tests allocates by design; here only the router serves.
        proxy.Serve(static hcm =>
        {
            // What the bench records would count.
            hcm.HttpFilters.RemoveAt(0);
            hcm.AccessLog.Clear();
        });
        Task answering = Answer(upstream);
        SocketStream client = SocketStream.Create(loop);
        Assert.Equal(IoError.None, await client.ConnectAsync(front.LocalAddress));
        proxy.Accept((await front.AcceptAsync()).Stream!);

        Assert.Equal(0, await AskAsync(client) / MeasuredRequests);

        client.Close();
        upstream.Close();
        front.Close();
        await loop.YieldAsync();
    });

    /// <summary>Bytes allocated on this thread by the measured requests.</summary>
    private static async Task<long> AskAsync(SocketStream client)
    {
        byte[] buffer = new byte[8192];
        long before = 0;
        for (int i = 0; i < WarmUpRequests + MeasuredRequests; i++)
        {
            if (i == WarmUpRequests)
            {
                before = GC.GetAllocatedBytesForCurrentThread();
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

        return GC.GetAllocatedBytesForCurrentThread() - before;
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
