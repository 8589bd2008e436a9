using Pilotfish.ControlPlane.Registry;

namespace Pilotfish.ControlPlane.Translation.Listeners;

/// <summary>How a listener treats a port: as HTTP, as bytes, or by looking at the first bytes.</summary>
internal enum ListenerProtocol
{
    Http,
    Tcp,
    Auto,
    None,
}
