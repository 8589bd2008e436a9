namespace Pilotfish.ControlPlane.Sources;

/// <summary>Where objects come from.</summary>
public interface IConfigSource
{
    /// <summary>Publishes the whole state once at the start and again after each change, until cancelled.</summary>
    Task RunAsync(Action<SourceState> publish, CancellationToken cancellation);
}
