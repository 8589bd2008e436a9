using System.Net;
using System.Net.Sockets;
using System.Text;
using Pilotfish.Testing;

namespace Pilotfish.EndToEnd.Faults;

/// <summary>What the machine can run out of, taken from a real process: it goes on with what it has and recovers.</summary>
public sealed class ServeFaultTests
{
    private static readonly string s_bootstrap = AnsweringBootstrap.With("ok", AnsweringBootstrap.FileLogger("/dev/stdout"));

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Descriptors_RunOut_AcceptPausesAndRecovers()
    {
        const int Descriptors = 200;
        Prerequisite.Program("prlimit");
        using ServeProcess serve = await ServeProcess.StartAsync(s_bootstrap, "prlimit", $"--nofile={Descriptors}:{Descriptors}");
        IPEndPoint address = await serve.ListenerAsync("http");
        var clients = new List<TcpClient>();
        try
        {
            // The backlog takes those that the process cannot.
            for (int i = 0; i < 2 * Descriptors; i++)
            {
                clients.Add(await ConnectAsync(address));
            }

            Assert.StartsWith("HTTP/1.1 200 OK", await AskAsync(clients[0]));
            for (int i = 0; i < clients.Count - 1; i++)
            {
                clients[i].Dispose();
            }

            Assert.StartsWith("HTTP/1.1 200 OK", await AskAsync(clients[^1]));
            using TcpClient fresh = await ConnectAsync(address);
            Assert.StartsWith("HTTP/1.1 200 OK", await AskAsync(fresh));
            Assert.False(serve.HasExited);
        }
        finally
        {
            clients.ForEach(static client => client.Dispose());
        }
    }

    [Fact]
    public async Task TenThousandConnections_Idle_CostLittleAndOthersAreServed()
    {
        const int Connections = 10_000;

        // The published executable needs about 2 KB; a debug build with its JIT code under way somewhat more.
        const long BytesEachMax = 8 * 1024;
        using ServeProcess serve = await ServeProcess.StartAsync(s_bootstrap);
        IPEndPoint address = await serve.ListenerAsync("http");
        var clients = new List<TcpClient>(Connections);
        try
        {
            using TcpClient warm = await ConnectAsync(address);
            await AskAsync(warm);
            long before = serve.PrivateMemory();
            for (int i = 0; i < Connections; i++)
            {
                clients.Add(await ConnectAsync(address));
            }

            Assert.StartsWith("HTTP/1.1 200 OK", await AskAsync(clients[0]));
            Assert.StartsWith("HTTP/1.1 200 OK", await AskAsync(clients[^1]));
            Assert.Equal(Connections + 1, await serve.StatAsync("http.h.downstream_cx_active"));
            Assert.InRange((serve.PrivateMemory() - before) / Connections, 0, BytesEachMax);
            using TcpClient fresh = await ConnectAsync(address);
            Assert.StartsWith("HTTP/1.1 200 OK", await AskAsync(fresh));
        }
        finally
        {
            clients.ForEach(static client => client.Dispose());
        }
    }

    [Fact]
    public async Task AccessLog_PipeClosed_RequestsGoOn()
    {
        using ServeProcess serve = await ServeProcess.StartAsync(s_bootstrap);
        IPEndPoint address = await serve.ListenerAsync("http");
        serve.Output.Close();
        using TcpClient client = await ConnectAsync(address);
        for (int i = 0; i < 2000; i++)
        {
            Assert.StartsWith("HTTP/1.1 200 OK", await AskAsync(client));
        }

        Assert.False(serve.HasExited);
    }

    [Fact]
    public async Task AccessLog_PipeFull_RequestsGoOn()
    {
        // Nobody reads: the pipe's 64 KB are full after a few hundred lines.
        using ServeProcess serve = await ServeProcess.StartAsync(s_bootstrap);
        IPEndPoint address = await serve.ListenerAsync("http");
        using TcpClient client = await ConnectAsync(address);
        for (int i = 0; i < 20_000; i++)
        {
            Assert.StartsWith("HTTP/1.1 200 OK", await AskAsync(client));
        }
    }

    private static async Task<TcpClient> ConnectAsync(IPEndPoint address)
    {
        var client = new TcpClient();
        await client.ConnectAsync(address, Stop);
        return client;
    }

    private static async Task<string> AskAsync(TcpClient client)
    {
        NetworkStream stream = client.GetStream();
        await stream.WriteAsync("GET / HTTP/1.1\r\nHost: a\r\n\r\n"u8.ToArray(), Stop);
        byte[] buffer = new byte[4096];
        string text = "";
        while (!text.EndsWith("\r\n\r\nok", StringComparison.Ordinal))
        {
            int n = await stream.ReadAsync(buffer, Stop);
            if (n == 0)
            {
                break;
            }

            text += Encoding.ASCII.GetString(buffer, 0, n);
        }

        return text;
    }
}
