using System.Diagnostics;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Logging;
using Pilotfish.EndToEnd.Faults;
using Pilotfish.EndToEnd.Rpc;
using Pilotfish.Testing;

namespace Pilotfish.EndToEnd.Protocols;

/// <summary>
/// Servers on Kestrel and node behind one `serve`, in plaintext and TLS with one authority of its own. Started by the first test that
/// asks, shared by all, and ended with the tests.
/// </summary>
public abstract class ServePlace : IAsyncDisposable
{
    private readonly TestCertificates _authority = new();
    private readonly SemaphoreSlim _starting = new(1);
    private WebApplication? _kestrel;
    private Process? _node;
    private ServeProcess? _serve;

    protected ServePlace(string folderPrefix) => Folder = Directory.CreateTempSubdirectory(folderPrefix).FullName;

    public string AuthorityFile => Path.Combine(Folder, "ca.pem");

    protected string Folder { get; }

    protected string ChainFile => Path.Combine(Folder, "chain.pem");

    protected string KeyFile => Path.Combine(Folder, "key.pem");

    internal async Task<ServeProcess> ServeAsync()
    {
        await _starting.WaitAsync(TestContext.Current.CancellationToken);
        try
        {
            return _serve ??= await ServeProcess.StartAsync(await StartServersAsync(WriteIdentity()));
        }
        finally
        {
            _starting.Release();
        }
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
        Directory.Delete(Folder, recursive: true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Starts the servers and returns the bootstrap of the proxy before them.</summary>
    /// <param name="certificate">Of localhost; its files are there, too.</param>
    protected abstract Task<string> StartServersAsync(X509Certificate2 certificate);

    /// <summary>The ports, in the order in which they are listened on.</summary>
    protected async Task<int[]> StartKestrelAsync(
        Action<WebApplicationBuilder> configure, Action<KestrelServerOptions> listen, Action<WebApplication> map)
    {
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseKestrelHttpsConfiguration();
        builder.WebHost.ConfigureKestrel(listen);
        configure(builder);
        _kestrel = builder.Build();
        map(_kestrel);
        await _kestrel.StartAsync(TestContext.Current.CancellationToken);
        return [.. _kestrel.Urls.Select(static url => new Uri(url).Port)];
    }

    /// <summary>The ports, which the script prints in one line.</summary>
    protected async Task<int[]> StartNodeAsync(string script, params string[] args)
    {
        _node = NodeProcess.Start(script, args);
        string ports = await _node.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken)
            ?? throw new InvalidOperationException(await _node.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken));
        return [.. ports.Split(' ').Select(int.Parse)];
    }

    private X509Certificate2 WriteIdentity()
    {
        (string chain, string key) = _authority.DnsLeaf("localhost");
        File.WriteAllText(AuthorityFile, _authority.RootPem);
        File.WriteAllText(ChainFile, chain);
        File.WriteAllText(KeyFile, key);
        using var pem = X509Certificate2.CreateFromPem(chain, key);
        return X509CertificateLoader.LoadPkcs12(pem.Export(X509ContentType.Pkcs12), null);
    }
}
