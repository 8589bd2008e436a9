using System.Diagnostics;
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
