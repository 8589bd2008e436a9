namespace Pilotfish.Proxy.Config;

/// <summary>Where the process is in its life; names and numbers are those of /server_info and of the gauge server.state.</summary>
public enum ServerPhase
{
    Live = 0,
    Draining = 1,
    PreInitializing = 2,
    Initializing = 3,
}
