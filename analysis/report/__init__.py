from analysis.report.conclusion import Conclusion, conclude

__all__ = ["Conclusion", "conclude"]
