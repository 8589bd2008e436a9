using Pilotfish.Agent.Bootstrap;
using Pilotfish.Api.Names;
using Pilotfish.Proxy.Xds;
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

    private AgentSecrets(SecretStore store, SdsServer server, bool areFilesOnly)
    {
        (_store, _server, AreFilesOnly) = (store, server, areFilesOnly);
        string cluster = areFilesOnly ? ControlPlaneNames.SdsFilesClusterName : ControlPlaneNames.SdsClusterName;
        Sources = new Dictionary<string, ISubscriptions>(StringComparer.Ordinal) { [cluster] = store };
    }

    /// <summary>Whether the workload's certificate and roots come from another server; its cluster is dialled then.</summary>
    public bool AreFilesOnly { get; }

    /// <summary>What the data plane in this process need not dial.</summary>
    public IReadOnlyDictionary<string, ISubscriptions> Sources { get; }

    /// <exception cref="AgentConfigException">The socket that the user chose is not usable.</exception>
    public static AgentSecrets Start(EventLoop loop, AgentEnvironment environment)
    {
        string fileName = environment.Text(AgentVariables.WorkloadIdentitySocketFile, WorkloadSocket.DefaultFileName);
        bool another = WorkloadSocket.IsServedByAnother(loop, ControlPlaneNames.WorkloadSocketDirectory, fileName);
        var store = new SecretStore(loop, SecretPaths.Default, onlyFiles: another);
        string path = another
            ? ControlPlaneNames.FilesSocketPath
            : $"{ControlPlaneNames.WorkloadSocketDirectory}/{fileName}";
        return new AgentSecrets(store, new SdsServer(loop, store, path), another);
    }

    public void Dispose()
    {
        _server.Dispose();
        _store.Dispose();
    }
}
