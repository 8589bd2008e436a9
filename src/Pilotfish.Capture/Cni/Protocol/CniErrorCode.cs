namespace Pilotfish.Capture.Cni.Protocol;

/// <summary>Codes of the error object: below 100 those of the CNI specification ("Error"), from 100 this plugin's own.</summary>
internal enum CniErrorCode
{
    IncompatibleVersion = 1,
    InvalidEnvironment = 4,
    InputOutput = 5,
    Undecodable = 6,
    InvalidConfig = 7,
    TryAgainLater = 11,
    NotAvailable = 50,
    PodUnknown = 100,
    PodRefused = 101,
    RulesFailed = 102,
    Internal = 999,
}
