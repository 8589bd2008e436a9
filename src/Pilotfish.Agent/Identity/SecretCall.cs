using Envoy.Config.Core.V3;
using Google.Protobuf;
using Pilotfish.Proxy.AsyncClient;
using Pilotfish.Proxy.Http2.InternalServer;
using Pilotfish.Proxy.Xds;
using Pilotfish.Runtime.Diagnostics;

namespace Pilotfish.Agent.Identity;

/// <summary>
/// A client's subscription to secrets: what it asked for, which versions it has, and what waits to be sent. The two dialects of xDS derive
/// from it. At most one version of a secret waits for a client that does not read, the newest. Main loop.
/// </summary>
internal abstract class SecretCall(SecretStore store, GrpcServerCall call) : IGrpcCallHandler, ISecretWatcher
{
    /// <summary>Secrets of one call. A proxy makes a call per secret; a client with all of a gateway's certificates in one still passes.</summary>
    public const int NamesMax = 1024;

    private readonly Dictionary<string, Wanted> _wanted = new(StringComparer.Ordinal);
    private string _client = "";
    private long _nonces;

    protected GrpcServerCall Call { get; } = call;

    protected string LastNonce { get; private set; } = "";

    protected IEnumerable<string> Names => _wanted.Keys;

    public abstract void OnMessage(ReadOnlySpan<byte> message);

    public void OnRequestEnd() => Finish(GrpcStatusCode.Ok, "");

    public void OnWritable() => SendDue();

    public void OnCancelled() => Release();

    public void OnSecret(ServedSecret secret) => SendDue();

    /// <summary>A response with these secrets, or only removals.</summary>
    protected abstract IMessage Response(IReadOnlyList<ServedSecret> secrets, string nonce);

    protected bool Wants(string name) => _wanted.ContainsKey(name);

    /// <summary>False when it ended the call, or when nothing is served under the name.</summary>
    protected bool TryWant(string name, string hasVersion)
    {
        if (_wanted.ContainsKey(name))
        {
            return true;
        }

        if (_wanted.Count >= NamesMax)
        {
            Finish(GrpcStatusCode.ResourceExhausted, $"A call may ask for at most {NamesMax} secrets.");
            return false;
        }

        if (store.Watch(name, this) is not { } lease)
        {
            return false;
        }

        _wanted.Add(name, new Wanted(lease) { SentVersion = hasVersion });
        return true;
    }

    protected void Unwant(string name)
    {
        if (_wanted.Remove(name, out Wanted? wanted))
        {
            wanted.Lease.Dispose();
        }
    }

    /// <summary>Sends what the client does not have, as far as it takes it.</summary>
    protected void SendDue()
    {
        if (Call.IsEnded)
        {
            return;
        }

        List<ServedSecret> due = [];
        foreach (Wanted wanted in _wanted.Values)
        {
            if (wanted.Lease.Current is { } secret && secret.Version != wanted.SentVersion)
            {
                due.Add(secret);
            }
        }

        if (due.Count > 0 || HasMore)
        {
            Send(due);
        }
    }

    /// <summary>Whether there is something to say besides secrets.</summary>
    protected virtual bool HasMore => false;

    protected void Finish(GrpcStatusCode status, string message)
    {
        Release();
        Call.End(status, message);
    }

    /// <summary>What every request of either dialect carries. False when it ended the call.</summary>
    protected bool CheckRequest(Node? node, string typeUrl, string nonce, Google.Rpc.Status? error)
    {
        if (node is { Id.Length: > 0 })
        {
            _client = node.Id;
        }

        if (typeUrl.Length > 0 && typeUrl != ResourceType.Secret.TypeUrl)
        {
            Finish(GrpcStatusCode.InvalidArgument, $"This service has secrets and no '{typeUrl}'.");
            return false;
        }

        if (error is not null)
        {
            // It keeps what it had. The same version would be refused again; the next one may please it.
            Log.Warning(LogComponent.Secret, $"the client '{_client}' refused the secret of response {nonce}: {error.Message}");
        }

        return true;
    }

    private void Send(List<ServedSecret> due)
    {
        string nonce = $"{Environment.ProcessId:x}-{++_nonces}";
        if (!Call.TrySend(Response(due, nonce)))
        {
            // OnWritable comes back here; by then there may be newer versions.
            return;
        }

        LastNonce = nonce;
        Sent();
        foreach (ServedSecret secret in due)
        {
            if (_wanted.TryGetValue(secret.Name, out Wanted? wanted))
            {
                wanted.SentVersion = secret.Version;
            }
        }
    }

    /// <summary>The response is on its way.</summary>
    protected virtual void Sent()
    {
    }

    private void Release()
    {
        foreach (Wanted wanted in _wanted.Values)
        {
            wanted.Lease.Dispose();
        }

        _wanted.Clear();
    }

    private sealed class Wanted(SecretLease lease)
    {
        public SecretLease Lease { get; } = lease;

        public required string SentVersion { get; set; }
    }
}
