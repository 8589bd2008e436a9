namespace Pilotfish.Capture.Cni.Repair;

/// <summary>The API no longer knows the version that a watch wanted to go on from: everything has to be listed anew.</summary>
internal sealed class WatchExpiredException() : Exception("The version to watch from has expired.");
