namespace Pilotfish.Capture.Cni.Protocol;

/// <summary>A call of the plugin failed; becomes the error object on standard output.</summary>
internal sealed class CniException(CniErrorCode code, string message, string details = "") : Exception(message)
{
    public CniErrorCode Code => code;

    public string Details => details;
}
