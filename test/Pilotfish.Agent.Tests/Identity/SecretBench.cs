using Pilotfish.Agent.Identity;
using Pilotfish.Agent.Identity.Workload;
using Pilotfish.Runtime.Loops;
using Pilotfish.Testing;

namespace Pilotfish.Agent.Tests.Identity;

/// <summary>A directory with a mounted certificate, a store that serves from it, and the socket.</summary>
internal sealed class SecretBench : IDisposable
{
    private readonly EventLoop _loop;

    public SecretBench(EventLoop loop, bool onlyFiles = false, WorkloadIdentity? identity = null)
    {
        _loop = loop;
        Store = new SecretStore(
            loop,
            new SecretPaths
            {
                Mounted = [(At("cert-chain.pem"), At("key.pem"), At("root-cert.pem"))],
                SystemRoots = [At("nowhere.crt"), At("system.crt")],
                RevocationList = At("crl.pem"),
            },
            onlyFiles,
            identity);
    }

    public string Directory { get; } = System.IO.Directory.CreateTempSubdirectory("sds-").FullName;

    public TestCertificates Authority { get; } = new();

    public SecretStore Store { get; }

    public string SocketPath => At("uds/socket");

    public string At(string file) => Path.Combine(Directory, file);

    public SdsServer Serve(Proxy.Http2.InternalServer.GrpcServerLimits? limits = null) => new(_loop, Store, SocketPath, limits);

    /// <summary>Writes a new leaf for the identity, as a mounted volume is replaced: each file at once.</summary>
    public (string Chain, string Key) Mount(string uri = "spiffe://td/ns/a/sa/b")
    {
        (string chain, string key) = Authority.Leaf(uri);
        Write("cert-chain.pem", chain);
        Write("key.pem", key);
        Write("root-cert.pem", Authority.RootPem);
        return (chain, key);
    }

    public void Write(string file, string text)
    {
        string aside = At(file + ".new");
        File.WriteAllText(aside, text);
        File.Move(aside, At(file), overwrite: true);
    }

    public async Task UntilAsync(Func<bool> condition)
    {
        while (!condition())
        {
            await _loop.DelayAsync(1);
        }
    }

    public void Dispose()
    {
        Store.Dispose();
        System.IO.Directory.Delete(Directory, recursive: true);
    }
}
