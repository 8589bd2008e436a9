using System.Buffers;
using Pilotfish.Agent.Bootstrap;
using Pilotfish.Agent.Identity.Workload;
using Pilotfish.Api.Names;
using Pilotfish.Proxy.Xds;
using Pilotfish.Runtime.Diagnostics;
using Pilotfish.Runtime.Loops;

namespace Pilotfish.Agent.Identity;

/// <summary>
/// Who serves which secrets to whom: the agent all of them, in memory and on the workload's socket; or, where another server answers there
/// already, only those from files, in memory and on a socket of their own. Main loop.
/// </summary>
internal sealed class AgentSecrets : IDisposable
{
    private readonly SecretStore _store;
    private readonly SdsServer _server;
    private readonly IdentityOptions _options;
    private readonly KeyMaker? _keys;
    private OutputCertificates? _output;

    private AgentSecrets(SecretStore store, SdsServer server, IdentityOptions options, KeyMaker? keys, bool areFilesOnly)
    {
        (_store, _server, _options, _keys, AreFilesOnly) = (store, server, options, keys, areFilesOnly);
        string cluster = areFilesOnly ? ControlPlaneNames.SdsFilesClusterName : ControlPlaneNames.SdsClusterName;
        Sources = new Dictionary<string, ISubscriptions>(StringComparer.Ordinal) { [cluster] = store };
    }

    /// <summary>Whether the workload's certificate and roots come from another server; its cluster is dialled then.</summary>
    public bool AreFilesOnly { get; }

    /// <summary>What the data plane in this process need not dial.</summary>
    public IReadOnlyDictionary<string, ISubscriptions> Sources { get; }

    /// <summary>Whether certificates come from an authority, once <see cref="AskOf"/> has named it.</summary>
    public bool NeedsAuthority => _store.Identity is not null;

    /// <param name="loop">The main loop.</param>
    /// <param name="environment">Variables.</param>
    /// <param name="authorityAddress">Where the authority is.</param>
    /// <exception cref="AgentConfigException">The socket that the user chose is not usable, or the settings of the identity contradict each other.</exception>
    public static AgentSecrets Start(EventLoop loop, AgentEnvironment environment, string authorityAddress)
    {
        string fileName = environment.Text(AgentVariables.WorkloadIdentitySocketFile, WorkloadSocket.DefaultFileName);
        bool another = WorkloadSocket.IsServedByAnother(loop, ControlPlaneNames.WorkloadSocketDirectory, fileName);
        var options = IdentityOptions.Read(environment, authorityAddress, another);
        WorkloadIdentity? identity = null;
        KeyMaker? keys = null;
        if (!options.UsesFilesOnly)
        {
            keys = new KeyMaker(loop, options.Key, options.Identity);
            identity = new WorkloadIdentity(loop, options, keys, Random.Shared.NextDouble);
        }
        else if (!another)
        {
            Log.Info(LogComponent.Secret, "Workload is using file mounted certificates. Skipping connecting to CA");
        }

        var store = new SecretStore(loop, SecretPaths.Default.Without(options.OutputDirectory), onlyFiles: another, identity);
        string path = another
            ? ControlPlaneNames.FilesSocketPath
            : $"{ControlPlaneNames.WorkloadSocketDirectory}/{fileName}";
        return new AgentSecrets(store, new SdsServer(loop, store, path), options, keys, another) { _output = OutputCertificates.Start(store, options) };
    }

    /// <summary>Names the authority. Once, when there is a data plane to call it through.</summary>
    /// <param name="authority">It.</param>
    /// <param name="warms">Whether to ask before anybody wants a certificate.</param>
    public void AskOf(ICertificateAuthority authority, bool warms)
    {
        Log.Info(LogComponent.Secret, $"CA Endpoint {authority.Name}, identity '{_options.Identity}'");
        _store.Identity?.AskOf(authority, warms && !_store.HasMountedCertificate);
    }

    /// <summary>Trusts the control plane's roots besides the workload's own.</summary>
    public void Trust(string bundle) => _store.Trust(bundle);

    /// <summary>Appends what was counted of certificates, in Prometheus' text format.</summary>
    public void WriteMetrics(IBufferWriter<byte> output) =>
        IdentityMetrics.Write(output, _store.Identity?.Stats, _store.FileFailures, _store.Loop.WallNow);

    public void Dispose()
    {
        _output?.Dispose();
        _server.Dispose();
        _store.Dispose();
        _store.Identity?.Dispose();
        _keys?.Dispose();
    }
}
