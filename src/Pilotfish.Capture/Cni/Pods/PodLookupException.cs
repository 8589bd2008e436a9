namespace Pilotfish.Capture.Cni.Pods;

/// <summary>A pod's facts could not be had; asking again may help.</summary>
internal sealed class PodLookupException(string message, Exception? inner = null) : Exception(message, inner);
