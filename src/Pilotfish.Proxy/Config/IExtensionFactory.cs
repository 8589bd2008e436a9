namespace Pilotfish.Proxy.Config;

/// <summary>
/// The root of every extension category. A category is an interface that derives from this one (HTTP filter, network filter,
/// listener filter, transport socket, ...) and adds the method that compiles a config.
/// </summary>
public interface IExtensionFactory
{
    /// <summary>The full names of the config messages it takes, without the type.googleapis.com/ prefix.</summary>
    IReadOnlyList<string> MessageNames { get; }

    /// <summary>
    /// Null for an extension that works. Otherwise the sentence that tells what the accepted config does not do yet; it is
    /// shown at start-up and in docs/compatibility.md.
    /// </summary>
    string? NotActiveNote => null;
}
