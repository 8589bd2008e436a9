namespace Pilotfish.Proxy.Clusters;

/// <summary>Where one cluster's hosts come from; feeds its membership until disposed. Main loop.</summary>
internal abstract class HostSource : IDisposable
{
    /// <summary>Begins; calls <paramref name="initialized"/> once, when the first answer (or its absence) is known.</summary>
    public abstract void Start(Action initialized);

    public abstract void Dispose();
}
