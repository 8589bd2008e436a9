using System.Diagnostics;
using System.Net;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Pilotfish.EndToEnd.Faults;
using Pilotfish.EndToEnd.Rpc;
using Pilotfish.Testing;

[assembly: AssemblyFixture(typeof(RpcPlace))]

namespace Pilotfish.EndToEnd.Rpc;

/// <summary>
/// gRPC servers of two makes, in plaintext and TLS, behind one `serve` with a listener for each: <c>h2c-kestrel</c>, <c>tls-kestrel</c>,
/// <c>h2c-node</c>, <c>tls-node</c>. Started by the first test that asks.
/// </summary>
public sealed class RpcPlace : IAsyncDisposable
{
    private readonly TestCertificates _authority = new();
    private readonly string _folder = Directory.CreateTempSubdirectory("pilotfish-rpc-").FullName;
    private readonly SemaphoreSlim _starting = new(1);
    private WebApplication? _kestrel;
    private Process? _node;
    private ServeProcess? _serve;

    public string AuthorityFile => Path.Combine(_folder, "ca.pem");

    /// <summary>One record per call: id, gRPC status, HTTP status, details, attempts.</summary>
    public string AccessLog => Path.Combine(_folder, "access.log");

    internal async Task<ServeProcess> ServeAsync()
    {
        await _starting.WaitAsync(TestContext.Current.CancellationToken);
        try
        {
            return _serve ??= await StartAsync();
        }
        finally
        {
            _starting.Release();
        }
    }

    internal async Task<string> UrlAsync(string listener)
    {
        IPEndPoint at = await (await ServeAsync()).ListenerAsync(listener);
        return listener.StartsWith("tls", StringComparison.Ordinal) ? $"https://localhost:{at.Port}" : $"http://{at}";
    }

    /// <summary>Trusts the servers' certificates alone.</summary>
    internal SocketsHttpHandler Handler() => new()
    {
        SslOptions = new()
        {
            CertificateChainPolicy = new X509ChainPolicy
            {
                TrustMode = X509ChainTrustMode.CustomRootTrust,
                CustomTrustStore = { _authority.Roots[0] },
                RevocationMode = X509RevocationMode.NoCheck,
            },
        },
    };

    /// <summary>The access log's record of a call, once it is written.</summary>
    internal async Task<string> RecordAsync(string id)
    {
        while (true)
        {
            string[] lines = File.Exists(AccessLog) ? await File.ReadAllLinesAsync(AccessLog, TestContext.Current.CancellationToken) : [];
            if (lines.FirstOrDefault(line => line.StartsWith(id + " ", StringComparison.Ordinal)) is { } record)
            {
                return record;
            }

            await Task.Delay(20, TestContext.Current.CancellationToken);
        }
    }

    public async ValueTask DisposeAsync()
    {
        _serve?.Dispose();
        if (_node is not null)
        {
            _node.Kill();
            _node.Dispose();
        }

        if (_kestrel is not null)
        {
            await _kestrel.DisposeAsync();
        }

        _starting.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private async Task<ServeProcess> StartAsync()
    {
        (string chain, string key) = _authority.DnsLeaf("localhost");
        File.WriteAllText(AuthorityFile, _authority.RootPem);
        File.WriteAllText(Path.Combine(_folder, "chain.pem"), chain);
        File.WriteAllText(Path.Combine(_folder, "key.pem"), key);
        int[] kestrel = await StartKestrelAsync(chain, key);
        _node = NodeProcess.Start("grpc.js", "server", NodeProcess.Script("../Rpc/echo.proto"),
            Path.Combine(_folder, "chain.pem"), Path.Combine(_folder, "key.pem"));
        string ports = await _node.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken)
            ?? throw new InvalidOperationException(await _node.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken));
        int[] node = [.. ports.Split(' ').Select(int.Parse)];
        return await ServeProcess.StartAsync(RpcBootstrap.Write(_folder, AccessLog, new Dictionary<string, int>
        {
            ["h2c-kestrel"] = kestrel[0],
            ["tls-kestrel"] = kestrel[1],
            ["h2c-node"] = node[0],
            ["tls-node"] = node[1],
        }));
    }

    private async Task<int[]> StartKestrelAsync(string chain, string key)
    {
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.Services.AddGrpc();
        builder.WebHost.UseKestrelHttpsConfiguration();
        using var pem = X509Certificate2.CreateFromPem(chain, key);
        X509Certificate2 certificate = X509CertificateLoader.LoadPkcs12(pem.Export(X509ContentType.Pkcs12), null);
        builder.WebHost.ConfigureKestrel(options =>
        {
            options.Listen(IPAddress.Loopback, 0, static listen => listen.Protocols = HttpProtocols.Http2);
            options.Listen(IPAddress.Loopback, 0, listen =>
            {
                listen.Protocols = HttpProtocols.Http2;
                listen.UseHttps(certificate);
            });
        });
        _kestrel = builder.Build();
        _kestrel.MapGrpcService<EchoService>();
        await _kestrel.StartAsync(TestContext.Current.CancellationToken);
        return [.. _kestrel.Urls.Select(static url => new Uri(url).Port)];
    }
}
