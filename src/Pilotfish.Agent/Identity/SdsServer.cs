using Pilotfish.Api.Failures;
using Pilotfish.Proxy.Http2.InternalServer;
using Pilotfish.Runtime.Diagnostics;
using Pilotfish.Runtime.Loops;
using Pilotfish.Runtime.Sockets;
using Pilotfish.Runtime.Streams;
using Pilotfish.Runtime.Timers;

namespace Pilotfish.Agent.Identity;

/// <summary>
/// The agent's secret discovery service on a Unix socket, for other processes of the pod: a proxy that runs beside the agent, or one that
/// needs none (istio security/pkg/nodeagent/sds). The data plane in this process asks the same <see cref="SecretStore"/> without it.
/// A socket that cannot be opened is tried again a few times and then done without. Main loop.
/// </summary>
internal sealed class SdsServer : IDisposable
{
    private const string Service = "/envoy.service.secret.v3.SecretDiscoveryService/";

    // As Istio's agent: whoever may enter the directory may connect. Only the pod's containers that mount it can.
    private const int SocketMode = 0x1b6; // rw-rw-rw-
    private const UnixFileMode DirectoryMode = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute
        | UnixFileMode.GroupRead | UnixFileMode.GroupExecute; // rwxr-x---

    private const int AttemptsMax = 5;
    private const long FirstPauseMilliseconds = 1000;

    private readonly InternalGrpcServer _server;
    private readonly string _path;
    private readonly LoopTimer _timer;
    private int _attempts;

    public SdsServer(EventLoop loop, SecretStore store, string path, GrpcServerLimits? limits = null)
    {
        _path = path;
        _timer = new LoopTimer(loop, static state => ((SdsServer)state!).Listen(), this);
        _server = new InternalGrpcServer(loop, limits);
        _server.Add(Service + "StreamSecrets", call => new StreamSecretsCall(store, call));
        _server.Add(Service + "DeltaSecrets", call => new DeltaSecretsCall(store, call));
        Listen();
    }

    public bool IsListening { get; private set; }

    /// <summary>Clients that are connected.</summary>
    public int ConnectionCount => _server.ConnectionCount;

    /// <summary>Ends every call with UNAVAILABLE and removes the socket.</summary>
    public void Dispose()
    {
        _timer.Cancel();
        _server.Close();
    }

    private void Listen()
    {
        string? problem = MakeDirectory();
        if (problem is null)
        {
            IoError error = _server.Listen(NetAddress.Unix(_path), out _, new ListenSocketOptions { UnixMode = SocketMode });
            if (error == IoError.None)
            {
                IsListening = true;
                Log.Info(LogComponent.Secret, $"secrets are served on '{_path}'");
                return;
            }

            problem = error.Describe();
        }

        bool again = ++_attempts < AttemptsMax;
        Log.Warning(
            LogComponent.Secret,
            $"the socket '{_path}' for secrets cannot be opened: {problem}. {(again ? "It will be tried again" : "Other processes get no secrets from this agent")}.");
        if (again)
        {
            _timer.Schedule(FirstPauseMilliseconds << (_attempts - 1));
        }
    }

    private string? MakeDirectory()
    {
        try
        {
            string directory = Path.GetDirectoryName(_path)!;
            if (!Directory.Exists(directory))
            {
                Directory.CreateDirectory(directory, DirectoryMode);
            }

            return null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return FailureText.Of(e);
        }
    }
}
