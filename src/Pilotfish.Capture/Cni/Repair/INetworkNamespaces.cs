namespace Pilotfish.Capture.Cni.Repair;

/// <summary>Finds the network namespace of a pod that runs already.</summary>
internal interface INetworkNamespaces
{
    /// <returns>A path that can be entered, or null where no process has the address.</returns>
    /// <exception cref="CaptureException">The processes cannot be seen at all.</exception>
    string? Find(string podIp);
}
