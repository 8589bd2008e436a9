namespace Pilotfish.Agent.Health;

/// <summary>The kinds of probe that reach over the network; exec probes stay with the kubelet.</summary>
public enum AppProbeKind
{
    Http,
    Tcp,
    Grpc,
}
