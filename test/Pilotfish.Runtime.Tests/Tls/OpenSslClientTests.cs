using System.Diagnostics;
using System.Net.Security;
using System.Text;
using Pilotfish.Runtime.Sockets;
using Pilotfish.Runtime.Streams;
using Pilotfish.Runtime.Tls;
using Pilotfish.Testing;

namespace Pilotfish.Runtime.Tests.Tls;

/// <summary>A foreign implementation on the other side: openssl's s_client.</summary>
public abstract class OpenSslClientTests(TlsEngine engine) : TlsEngineTests(engine), IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("runtime-openssl").FullName;
    private readonly TestCertificates _mesh = new();

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Theory]
    [InlineData("-tls1_2", "TLSv1.2")]
    [InlineData("-tls1_3", "TLSv1.3")]
    public void SClient_MutualTls_SpeaksWithOurServer(string version, string reported) => LoopRunner.Run(async loop =>
    {
        (string chain, string key) = _mesh.Leaf("spiffe://cluster.local/ns/a/sa/client");
        await File.WriteAllTextAsync(Path.Combine(_directory, "chain.pem"), chain);
        await File.WriteAllTextAsync(Path.Combine(_directory, "key.pem"), key);
        await File.WriteAllTextAsync(Path.Combine(_directory, "root.pem"), _mesh.RootPem);
        var choice = new TlsServerChoice
        {
            Certificate = _mesh.Identity("spiffe://cluster.local/ns/a/sa/server"),
            ApplicationProtocols = ["istio", "http/1.1"],
            ClientVerification = new TlsPeerVerification { Roots = _mesh.Roots },
            RequireClientCertificate = true,
        };
        ListenSocket listener = ListenSocket.Listen(loop, NetAddress.Loopback(0));
        using Process client = Start(
            "s_client", "-connect", listener.LocalAddress.ToString(), version, "-servername", "server.a", "-alpn", "h2,istio",
            "-cert", Path.Combine(_directory, "chain.pem"), "-key", Path.Combine(_directory, "key.pem"),
            "-CAfile", Path.Combine(_directory, "root.pem"), "-verify_return_error");
        TlsHandshake handshake = await Accept((await listener.AcceptAsync()).Stream!, _ => choice);
        Assert.Null(handshake.Failure);
        TlsStream server = handshake.Stream!;
        Assert.Equal("istio", server.Tls.ApplicationProtocol);
        Assert.Equal("server.a", server.Tls.ServerName);
        await client.StandardInput.WriteAsync("hello from openssl\n");
        await client.StandardInput.FlushAsync();
        byte[] buffer = new byte[100];
        IoResult received = await server.ReceiveAsync(buffer);
        Assert.Equal("hello from openssl\n", Encoding.ASCII.GetString(buffer, 0, received.Bytes));
        await server.SendAsync("and back\n"u8.ToArray());
        server.Close();
        string output = await client.StandardOutput.ReadToEndAsync();
        await client.WaitForExitAsync();
        Assert.Contains("and back", output, StringComparison.Ordinal);
        Assert.Contains("Verify return code: 0 (ok)", output, StringComparison.Ordinal);
        Assert.Contains(reported, output, StringComparison.Ordinal);
        Assert.Equal(0, client.ExitCode);
        listener.Close();
    });

    /// <summary>An authority's own response, made and checked by openssl: libssl's engine staples it, and to who asks only.</summary>
    [Theory]
    [InlineData("-tls1_2", true)]
    [InlineData("-tls1_3", true)]
    [InlineData("-tls1_3", false)]
    public void SClient_AskingForTheStatus_GetsTheStapledResponse(string version, bool asks) => LoopRunner.Run(async loop =>
    {
        (string chain, string key) = _mesh.DnsLeaf("ocsp.example");
        SslStreamCertificateContext identity = TlsCertificates.FromPem(chain, key);
        string Named(string name) => Path.Combine(_directory, name);
        await File.WriteAllTextAsync(Named("leaf.pem"), chain);
        await File.WriteAllTextAsync(Named("root.pem"), _mesh.RootPem);
        await File.WriteAllTextAsync(Named("root.key"), _mesh.RootKeyPem());
        await File.WriteAllTextAsync(Named("index.txt"), $"V\t491231235959Z\t\t{identity.TargetCertificate.SerialNumber}\tunknown\t/CN=leaf\n");
        using (Process authority = Start(
            "ocsp", "-index", Named("index.txt"), "-CA", Named("root.pem"), "-rsigner", Named("root.pem"), "-rkey", Named("root.key"),
            "-issuer", Named("root.pem"), "-cert", Named("leaf.pem"), "-ndays", "3", "-respout", Named("response.der"), "-noverify"))
        {
            string told = await authority.StandardOutput.ReadToEndAsync() + await authority.StandardError.ReadToEndAsync();
            await authority.WaitForExitAsync();
            Assert.True(File.Exists(Named("response.der")), told);
        }

        var staple = OcspStaple.Parse(await File.ReadAllBytesAsync(Named("response.der")));
        Assert.True(staple.IsOf(identity.TargetCertificate));
        Assert.True(staple.IsValid(DateTimeOffset.UtcNow.AddDays(2)) && !staple.IsValid(DateTimeOffset.UtcNow.AddDays(4)));
        var choice = new TlsServerChoice { Certificate = identity, Staple = staple };
        ListenSocket listener = ListenSocket.Listen(loop, NetAddress.Loopback(0));
        string[] arguments = ["s_client", "-connect", listener.LocalAddress.ToString(), version, "-CAfile", Named("root.pem"), .. asks ? ["-status"] : Array.Empty<string>()];
        using Process client = Start(arguments);
        bool asked = false;
        TlsHandshake handshake = await Accept((await listener.AcceptAsync()).Stream!, hello =>
        {
            asked = hello.AsksForStaple;
            return choice;
        });
        Assert.Null(handshake.Failure);
        Assert.Equal(asks, asked);
        await handshake.Stream!.SendAsync("bye\n"u8.ToArray());
        handshake.Stream.Close();
        string output = await client.StandardOutput.ReadToEndAsync();
        await client.WaitForExitAsync();
        Assert.Equal(asks && IsLibssl, output.Contains("OCSP Response Status: successful", StringComparison.Ordinal));
        Assert.Equal(asks && !IsLibssl, output.Contains("OCSP response: no response sent", StringComparison.Ordinal));
        listener.Close();
    });

    /// <summary>A server that negotiates anew in the middle of a session: libssl's engine follows where it is allowed, SslStream never.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void SServer_NegotiatingAnew_IsHeardWhereItIsAllowed(bool allows) => LoopRunner.Run(async loop =>
    {
        (string chain, string key) = _mesh.Leaf("spiffe://cluster.local/ns/a/sa/server");
        await File.WriteAllTextAsync(Path.Combine(_directory, "chain.pem"), chain);
        await File.WriteAllTextAsync(Path.Combine(_directory, "key.pem"), key);
        ListenSocket probe = ListenSocket.Listen(loop, NetAddress.Loopback(0));
        NetAddress address = probe.LocalAddress;
        probe.Close();
        using Process server = Start(
            "s_server", "-accept", address.ToString(), "-tls1_2", "-naccept", "1", "-state",
            "-cert", Path.Combine(_directory, "chain.pem"), "-key", Path.Combine(_directory, "key.pem"));
        while (!(await server.StandardOutput.ReadLineAsync())!.StartsWith("ACCEPT", StringComparison.Ordinal))
        {
        }

        SocketStream socket = SocketStream.Create(loop);
        Assert.Equal(IoError.None, await socket.ConnectAsync(address));
        TlsHandshake handshake = await Connect(socket, new TlsClientOptions
        {
            AllowRenegotiation = allows, ServerVerification = new TlsPeerVerification { Roots = _mesh.Roots },
        });
        Assert.Null(handshake.Failure);
        TlsStream stream = handshake.Stream!;
        await server.StandardInput.WriteAsync("r\n");
        await server.StandardInput.FlushAsync();
        byte[] buffer = new byte[100];
        ValueTask<IoResult> receiving = stream.ReceiveAsync(buffer);
        if (allows && IsLibssl)
        {
            // What is sent in the meantime waits for the handshake. s_server may read it before its command, and what it reads with a
            // command it takes for a part of that: more is said only when it tells that it asked for a handshake and has it.
            Task<IoResult> sending = stream.SendAsync("between\n"u8.ToArray()).AsTask();
            await LineAsync("between");
            Assert.Equal(8, (await sending).Bytes);
            await StateAsync("hello request");
            await StateAsync("read finished");
            await server.StandardInput.WriteAsync("after\n");
            await server.StandardInput.FlushAsync();
            Assert.Equal("after\n", Encoding.ASCII.GetString(buffer, 0, (await receiving).Bytes));
            Assert.True((await stream.SendAsync("answer\n"u8.ToArray())).IsOk);
            await LineAsync("answer");
        }
        else
        {
            IoResult received = await receiving;
            Assert.True(!received.IsOk || received.IsEnd);
        }

        stream.Close();
        server.Kill();
        await server.WaitForExitAsync();

        async Task StateAsync(string wanted)
        {
            while (!(await server.StandardError.ReadLineAsync())!.Contains(wanted, StringComparison.Ordinal))
            {
            }
        }

        async Task LineAsync(string wanted)
        {
            while (await server.StandardOutput.ReadLineAsync() is { } line)
            {
                if (line == wanted)
                {
                    return;
                }
            }

            Assert.Fail($"s_server ended before it printed '{wanted}'");
        }
    });

    private static Process Start(params string[] arguments)
    {
        var start = new ProcessStartInfo("openssl", arguments)
        {
            RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true,
        };
        return Process.Start(start)!;
    }
}

public sealed class LibsslOpenSslClientTests() : OpenSslClientTests(TlsEngine.Libssl);

public sealed class SslStreamOpenSslClientTests() : OpenSslClientTests(TlsEngine.SslStream);
